"""The Hardware page through AppTest: every view, refusals, confirmation, and a device that fails in mid-training."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import services
from qhn_core.config import RunConfig
from qhn_core.runner import RunState

ROOT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {
    "dataset": {"name": "moons", "n_train": 10, "n_test": 40},
    "network": {"name": "mlp", "layers": [2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "objective": {"name": "elbo", "beta": 0.3},
    "steps": 8,
    "replicas": 2,
}


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("QHN_DATA", str(tmp_path))
    st.cache_resource.clear()
    yield tmp_path
    services.supervisor().shutdown()
    st.cache_resource.clear()


@pytest.fixture
def trained(fresh: Path) -> str:
    run = services.supervisor().start(RunConfig.parse(SMALL))
    assert services.supervisor().wait(run, timeout=120).state is RunState.FINISHED
    return run


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=90)
    page.run()
    page.switch_page("views/hardware.py")
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def charts(page: AppTest) -> dict[str, dict[str, Any]]:
    return {p["name"]: p for p in (json.loads(b.proto.bytes) for b in page.get("bidi_component"))}


def until(page: AppTest, holds: Any, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
        page.run()
        assert not page.exception
    assert holds()


def drawn(page: AppTest, name: str) -> bool:
    found = charts(page).get(name)
    return bool(found and found["figure"]["data"])


def test_a_newcomer_without_runs_sees_plots(fresh: Path) -> None:
    page = opened()
    until(page, lambda: all(drawn(page, f"shots-{n}") for n in ("histogram", "loss", "mmd", "gradient")))
    assert not page.error
    assert all(len(chart["alt"]) > 20 for chart in charts(page).values())


def test_the_dial_widens_the_spread(trained: str) -> None:
    page = opened(run=trained, shots="∞")
    until(page, lambda: drawn(page, "shots-gradient"))
    assert "exactly" in charts(page)["shots-loss"]["alt"]
    spans = []
    for shots in ("8192", "32"):
        page.select_slider(key="hardware.dial").set_value(shots).run()
        until(page, lambda s=shots: f"{int(s):,} shots" in charts(page)["shots-loss"]["alt"])
        bars = next(t for t in charts(page)["shots-mmd"]["figure"]["data"] if t["type"] == "bar")["x"]
        spans.append(bars[-1] - bars[0])
    assert spans[1] > 5 * spans[0]
    assert page.query_params["shots"] == "32"


def test_deploying_on_the_ideal_device(trained: str) -> None:
    page = opened(run=trained, view="deploy")
    assert drawn(page, "deploy-histogram")
    page.button(key="hardware.deploy").click().run()
    until(page, lambda: drawn(page, "deploy-nll"))
    assert "Total variation distance 0." in charts(page)["deploy-distance"]["alt"]
    assert "device" in charts(page)["deploy-accuracy"]["alt"]


def test_the_elbo_is_refused_with_a_way_out_and_nothing_is_sent_unconfirmed(trained: str) -> None:
    page = opened(run=trained, view="train", steps="3", train_shots="64")
    assert "explicit distribution" in " ".join(e.value for e in page.error)
    page.button(key="hardware.to_selbo").click().run()
    assert not page.error
    page.button(key="hardware.train").click().run()
    assert len(services.store().list()) == 1, "asked, not sent"
    assert "12 circuits" in " ".join(w.value for w in page.warning)
    page.button(key="hardware.send").click().run()
    run = str(page.query_params["trained"])
    services.supervisor().wait(run, timeout=60)
    page.run()
    assert services.store().get(run).config.objective.name == "selbo"
    assert drawn(page, "hardware-loss")
    until(page, lambda: "at step 3" in charts(page)["hardware-loss"]["alt"])


def test_a_failing_device_pauses_the_run_with_the_reason_and_resume_goes_on(
    trained: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qhn_core import trainer
    from qhn_core.errors import DeviceError

    real, broken = trainer.step, [True]

    def step(setup: Any, state: Any) -> Any:
        if broken and state.step == 2:
            raise DeviceError("The cryostat is warm.")
        return real(setup, state)

    monkeypatch.setattr(trainer, "step", step)
    page = opened(run=trained, view="train", train_loss="selbo", steps="4", train_shots="64")
    page.button(key="hardware.train").click().run()
    page.button(key="hardware.send").click().run()
    run = str(page.query_params["trained"])
    until(page, lambda: services.supervisor().status(run).state is RunState.PAUSED)
    page.run()
    assert "The cryostat is warm." in " ".join(w.value for w in page.warning)
    broken.clear()
    page.button(key="hardware.resume").click().run()
    assert services.supervisor().wait(run, timeout=60).state is RunState.FINISHED


def test_the_noise_study_ends_where_full_noise_does(trained: str) -> None:
    page = opened(run=trained, view="noise", noise_top="100", noise_share="1", noise_loss="mle")
    until(page, lambda: drawn(page, "noise-study"))
    curves = {t["name"]: t for t in charts(page)["noise-study"]["figure"]["data"]}
    assert curves["trained without noise"]["y"][-1] == pytest.approx(curves["uniform q"]["y"][0], abs=1e-3)
    assert curves["trained without noise"]["x"][-1] == 100


def test_a_real_back_end_needs_permission_and_never_a_token(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QHN_ALLOW_REMOTE", raising=False)
    page = opened(run=trained, device="ibm", view="deploy")
    page.text_input(key="hardware.ibm").set_value("ibm_torino").run()
    assert "QHN_ALLOW_REMOTE" in " ".join(w.value for w in page.warning)
    assert page.button(key="hardware.deploy").disabled
    assert not [t.label for t in page.text_input if "token" in t.label.lower()]


def test_what_comes_from_a_link_is_checked(trained: str) -> None:
    page = opened(run="../x", device="<script>", shots="-3", view="nothing", p1="1e9", trained="../../etc")
    assert not page.error
    assert page.selectbox(key="hardware.device").value == "ideal"
