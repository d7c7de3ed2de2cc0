"""The question before anything goes to a real device: its amount, and what this session has agreed to already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app import services
from app.remote import amount, total
from qhn_core.config import RunConfig
from qhn_core.planning import RemoteCost
from qhn_core.runner import RunState, Supervisor
from tests.app.pages import opened, press, words

REAL: dict[str, Any] = {
    "network": {"name": "mlp", "layers": [2, 2, 1]},
    "objective": {"name": "selbo"},
    "engine": {"name": "pennylane", "device": "qiskit.remote", "backend": "ibm_torino", "account": "lab"},
    "estimator": {"name": "spsa", "shots": 100},
    "steps": 7,
    "replicas": 1,
}


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QHN_ALLOW_REMOTE", "1")


def test_the_total_is_over_real_devices_only_and_names_each_once(fresh: Path) -> None:
    real, other = RunConfig.parse(REAL), {**REAL["engine"], "backend": "ibm_fez"}
    parts = [(real, 0), (real, 3), (RunConfig.parse(REAL | {"engine": other}), 0), (RunConfig(), 0)]
    cost = total(parts)
    assert cost == RemoteCost(24 + 15 + 24, 6300, ("ibm_torino", "ibm_fez"))
    assert amount(cost) == "63 circuits with 6,300 shots to ibm_torino and ibm_fez"
    assert amount(RemoteCost(1, 256, ("ibm_fez",))) == "1 circuit with 256 shots to ibm_fez"
    assert not total([(RunConfig(), 0)]).devices


def test_a_paused_run_from_a_link_asks_once_before_it_goes_on(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed: list[str] = []
    monkeypatch.setattr(Supervisor, "resume", lambda self, run, **_: resumed.append(run))
    run = services.supervisor().start(RunConfig.parse(REAL), paused=True)
    assert services.supervisor().wait(run, timeout=60).state is RunState.PAUSED
    page = press(opened(run=run), "train.resume")
    assert resumed == []
    assert "Resume sends up to 24 circuits with 2,400 shots to ibm_torino" in words(page, "warning")
    page.button(key="train.send").click().run()
    page.button(key="train.resume").click().run()
    assert resumed == [run, run], "agreed to before"
    assert "may cost money" not in words(page, "warning")
