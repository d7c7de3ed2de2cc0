"""The Hardware page through AppTest: every view, refusals, confirmation, and a device that fails in mid-training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.views.hardware import deploy as hardware_deploy
from qhn_core.config import RunConfig
from qhn_core.errors import DeviceError
from qhn_core.runner import RunState, Supervisor
from tests.app import pages
from tests.app.pages import charts, drawn, until, words

SMALL: dict[str, Any] = {
    "dataset": {"name": "moons", "n_train": 10, "n_test": 40},
    "network": {"name": "mlp", "layers": [2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "objective": {"name": "elbo", "beta": 0.3},
    "steps": 8,
    "replicas": 2,
}


@pytest.fixture
def trained(fresh: Path) -> str:
    return pages.trained(SMALL)


def opened(**query: str) -> AppTest:
    return pages.opened("hardware", **query)


def test_a_newcomer_without_runs_sees_plots(fresh: Path) -> None:
    page = opened()
    until(page, lambda: all(drawn(page, f"shots-{n}") for n in ("histogram", "loss", "mmd", "gradient")))
    assert not page.error
    assert all(len(chart["alt"]) > 20 for chart in charts(page).values())


def test_a_link_to_a_run_that_is_not_there_says_so(trained: str) -> None:
    page = opened(run="nope")
    said = [error.value for error in page.error]
    assert said == ["There is no run 'nope' in this data folder; it may have been deleted."]
    assert "nope" not in page.selectbox(key="hardware.run").options
    page.run()
    assert [error.value for error in page.error] == said, "a refresh takes it away before anybody has read it"
    page.selectbox(key="hardware.run").set_value(trained).run()
    assert not any("nope" in error.value for error in page.error)


def test_a_link_to_a_run_on_a_device_that_is_not_there_says_so(trained: str) -> None:
    page = opened(run=trained, view="train", trained="nope")
    until(page, lambda: "hardware-loss" in charts(page))
    assert "There is no run 'nope' in this data folder; it may have been deleted." in [e.value for e in page.error]


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
    page.button(key="hardware.to_stand_in").click().run()
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


REAL = {"name": "pennylane", "device": "qiskit.remote", "backend": "ibm_torino", "account": "lab"}


def _drawn_bars(page: AppTest) -> Any:
    return next(t["y"] for t in charts(page)["deploy-histogram"]["figure"]["data"] if t["name"] != "ideal")


def test_every_draw_is_another_one_and_has_its_number(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []
    real = hardware_deploy.deploy
    monkeypatch.setattr(hardware_deploy, "deploy", lambda *a, **o: seeds.append(o["seed"]) or real(*a, **o))
    page = opened(run=trained, view="deploy")
    seen = []
    for number in (1, 2):
        page.button(key="hardware.deploy").click().run()
        until(page, lambda n=number: f"Draw {n}: 1,024 shots" in words(page, "caption"))
        assert str(page.query_params["draw"]) == str(number)
        seen.append(_drawn_bars(page))
    assert seeds == [0, 1]
    assert seen[0] != seen[1]
    again = opened(run=trained, view="deploy", draw="2")
    assert _drawn_bars(again) == seen[1], "a link shows the same draw"
    page.selectbox(key="hardware.draws").set_value("256").run()
    page.selectbox(key="hardware.draws").set_value("1024").run()
    assert _drawn_bars(page) == seen[1], "what was drawn before is still there"


def test_a_draw_on_a_real_device_is_asked_about(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QHN_ALLOW_REMOTE", "1")
    sent = []

    def failing(*_: Any, **options: Any) -> None:
        sent.append(options["shots"])
        raise DeviceError("ibm_torino failed 3 times, at last with OSError: no route.")

    monkeypatch.setattr(hardware_deploy, "deploy", failing)
    page = opened(run=trained, view="deploy", device="ibm", draws="256")
    page.text_input(key="hardware.ibm").set_value("ibm_torino").run()
    assert "1 circuit, 256 shots on ibm_torino, which leave this machine and may cost money." in words(page, "caption")
    page.button(key="hardware.deploy").click().run()
    assert "Draw weights sends up to 1 circuit with 256 shots to ibm_torino" in words(page, "warning")
    page.button(key="hardware.not now").click().run()
    assert "may cost money" not in words(page, "warning")
    page.button(key="hardware.deploy").click().run()
    assert sent == []
    page.button(key="hardware.send").click().run()
    until(page, lambda: "no route" in words(page, "error"))
    assert sent == [256]
    assert "run" not in words(page, "error").lower(), "there is no run to resume"
    assert "may cost money" not in words(page, "warning")


def test_resuming_a_run_on_a_real_device_is_asked_about(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QHN_ALLOW_REMOTE", "1")
    resumed: list[str] = []
    monkeypatch.setattr(Supervisor, "resume", lambda self, run, **_: resumed.append(run))
    config = RunConfig.parse(
        SMALL | {"objective": {"name": "selbo"}, "engine": REAL, "estimator": {"name": "spsa", "shots": 100}}
    )
    run = services.store().create(config, state=RunState.INTERRUPTED)
    services.store().flush(run, step=3, state=RunState.INTERRUPTED)
    page = opened(run=trained, view="train", trained=run)
    page.button(key="hardware.resume").click().run()
    assert resumed == []
    assert "Resume sends up to 36 circuits with 3,600 shots to ibm_torino" in words(page, "warning")
    page.button(key="hardware.again.not now").click().run()
    assert "may cost money" not in words(page, "warning")
    page.button(key="hardware.resume").click().run()
    page.button(key="hardware.again.send").click().run()
    assert resumed == [run]


def test_a_second_run_says_what_becomes_of_the_first(trained: str) -> None:
    page = opened(run=trained, view="train", train_loss="selbo", steps="500", train_shots="64")
    page.button(key="hardware.train").click().run()
    assert "stopped" not in words(page, "warning")
    page.button(key="hardware.send").click().run()
    first = str(page.query_params["trained"])
    page.number_input(key="hardware.train.steps").set_value(3).run()
    page.button(key="hardware.train").click().run()
    assert "which is stopped at step" in words(page, "warning")
    page.button(key="hardware.send").click().run()
    assert services.supervisor().wait(first, timeout=60).state is RunState.STOPPED
    assert str(page.query_params["trained"]) != first


def test_another_runs_circuit_is_no_reference_for_the_run_on_the_device(trained: str) -> None:
    page = opened(run=trained, view="train", train_loss="selbo", steps="3", train_shots="64")
    page.button(key="hardware.train").click().run()
    page.button(key="hardware.send").click().run()
    until(page, lambda: "at step 3" in charts(page)["hardware-loss"]["alt"])
    assert "exact, at the angles of step 8" in json.dumps(charts(page)["hardware-loss"]["figure"])
    other = services.supervisor().start(RunConfig.parse(SMALL | {"steps": 9}), name="The other one")
    services.supervisor().wait(other, timeout=60)
    services.store().rename(trained, "The first one")
    page.run()
    page.selectbox(key="hardware.run").set_value(other).run()
    figure = json.dumps(charts(page)["hardware-loss"]["figure"])
    assert "exact, at the angles" not in figure
    assert "The first one" in figure
    assert "the circuit of The first one" in words(page, "caption")
    page.selectbox(key="hardware.run").set_value(trained).run()
    assert "exact, at the angles of step 8" in json.dumps(charts(page)["hardware-loss"]["figure"])


def test_a_short_time_is_not_about_under_a_second(trained: str) -> None:
    page = opened(run=trained, view="train", train_loss="selbo", steps="1", train_shots="64")
    until(page, lambda: "ms a circuit" in words(page, "markdown"))
    assert "**under 1 s**" in words(page, "markdown")
    assert "about under" not in words(page, "markdown").replace("*", "")
