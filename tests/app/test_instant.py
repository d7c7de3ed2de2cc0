"""Instant on Train: the end of the run that Train would make, bit for bit, and nothing in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import services
from app.views.train import instant
from qhn_core.config import RunConfig
from tests.app.pages import charts, curves, opened, press, until, words

SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 2, 1]}, "steps": 60, "replicas": 3}


class Patient:
    """A watch that never gives up."""

    def progress(self, fraction: float) -> None: ...

    def share(self, partial: Any) -> None: ...

    def cancelled(self) -> bool:
        return False


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"log_every": 7, "objective": {"name": "selbo"}},
        {"data_draws": 3, "steps": 171},
        {"optimiser": {"name": "adam", "early_stop": 2, "lr": 0.9}},
    ],
)
def test_it_is_the_run_that_train_makes(more: dict[str, Any], fresh: Path) -> None:
    config = RunConfig.parse(SMALL | more)
    assert not instant.why_not(config, 9)
    found = instant.trained(config, services.uploads(), Patient())
    supervisor = services.supervisor()
    run = supervisor.start(config)
    supervisor.wait(run, timeout=120)
    rows, snapshot = supervisor.history(run), supervisor.snapshot(run)
    assert snapshot is not None
    assert set(found.steps) <= set(rows.steps)
    assert found.steps[-1] == rows.steps[-1]
    at = np.searchsorted(rows.steps, found.steps)
    assert set(found.history) == set(rows.history)
    for name, values in found.history.items():
        np.testing.assert_array_equal(values, rows.history[name][at], err_msg=name)
    np.testing.assert_array_equal(found.theta, snapshot.theta)


def test_a_change_shows_the_end_and_keeps_nothing(fresh: Path) -> None:
    page = opened(config=RunConfig.parse(SMALL).to_url())
    page.toggle(key="train.instant").set_value(True).run()
    until(page, lambda: "loss" in curves(page, "loss") and curves(page, "loss")["loss"]["x"][-1] == 60)
    before = curves(page, "loss")["loss"]["y"]
    page.selectbox(key="form.objective").set_value("mle").run()
    until(page, lambda: "'before'" in str(charts(page)["loss"]["figure"]["data"]))
    until(page, lambda: curves(page, "loss")["loss"]["x"][-1] == 60)
    assert curves(page, "loss")["loss"]["y"] != before
    assert "Loss ELBO" in words(page)  # what changed since
    assert services.store().list() == []
    press(page, "train.train")
    assert len(services.store().list()) == 1


@pytest.mark.parametrize(
    ("more", "qubits", "reason"),
    [
        ({"network": {"name": "mlp", "layers": [2, 3, 1]}}, 13, "13 weights"),
        ({"steps": 5000}, 9, "10,000 updates"),
        ({"optimiser": {"name": "lbfgs"}}, 9, "line searches"),
    ],
)
def test_what_is_not_instant_says_why(more: dict[str, Any], qubits: int, reason: str) -> None:
    assert reason in instant.why_not(RunConfig.parse(SMALL | more), qubits)
