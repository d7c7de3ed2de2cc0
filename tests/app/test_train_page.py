"""The Train page through AppTest: buttons, messages, tiles, and what happens when several things happen at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st

from app import previews as previews_module
from app import services
from app.figure_cache import FigureCache
from app.previews import Previews
from app.views.train.shown import Shown
from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.runner import RunState, Supervisor
from tests.app.pages import charts, ended, link, opened, press, run_of, tiles, until

SHORT: dict[str, Any] = {"steps": 5, "replicas": 2}


def test_a_newcomer_sees_plots_and_one_obvious_button(fresh: Path) -> None:
    page = opened()
    until(page, lambda: charts(page)["loss"]["figure"]["data"] and charts(page)["marginals"]["figure"]["data"])
    assert not page.error
    assert [b.label for b in page.button if b.proto.type == "primary"] == ["Train"]
    assert set(charts(page)) == {"loss", "gap", "weights", "boundary", "marginals", "circuit"}
    for chart in charts(page).values():
        assert chart["figure"]["data"], f"{chart['name']} is empty"
        assert len(chart["alt"]) > 20


def test_training_to_the_end(fresh: Path) -> None:
    page = ended(press(opened(config=link(SHORT)), "train.train"))
    loss = charts(page)["loss"]["figure"]["data"]
    assert next(trace for trace in loss if trace["name"] == "loss")["x"] == [0, 1, 2, 3, 4, 5]
    shown = tiles(page)
    assert 0.0 <= float(shown["Test accuracy, mean of 2"]) <= 1.0
    assert shown["KL to posterior, mean of 2"].endswith("nats")
    assert "Step 5 of 5" in page.get("progress")[0].proto.text
    assert not page.error
    assert not page.info


def test_a_second_click_on_train_does_not_start_a_second_run(fresh: Path) -> None:
    page = opened(config=link({**SHORT, "steps": 100_000, "log_every": 100}))
    button = page.button(key="train.train")
    press(page, "train.train")
    first = run_of(page)
    button.click().run()
    assert run_of(page) == first
    assert len(services.store().list()) == 1
    press(page, "train.stop")
    assert services.supervisor().wait(first, timeout=60).state is RunState.STOPPED


def test_pause_step_resume_stop_reset(fresh: Path) -> None:
    page = press(opened(config=link({**SHORT, "steps": 50_000, "log_every": 10})), "train.train")
    run, supervisor = run_of(page), services.supervisor()
    until(page, lambda: supervisor.status(run).step > 3)
    press(page, "train.pause")
    paused = supervisor.wait(run, timeout=60)
    assert paused.state is RunState.PAUSED
    press(page.run(), "train.step")
    until(page, lambda: supervisor.status(run).step == paused.step + 1)
    press(page, "train.resume")
    until(page, lambda: supervisor.status(run).step > paused.step + 3)
    press(page, "train.stop")
    assert supervisor.wait(run, timeout=60).state is RunState.STOPPED
    assert not page.run().button(key="train.resume").disabled
    press(page, "train.reset")
    assert "run" not in page.query_params
    assert services.store().get(run).state is RunState.STOPPED, "a reset forgets nothing"


def test_step_from_the_start_makes_one_step_and_waits(fresh: Path) -> None:
    page = press(opened(config=link(SHORT)), "train.step")
    status = services.supervisor().wait(run_of(page), timeout=60)
    until(page, lambda: services.supervisor().status(run_of(page)).step == 1)
    assert status.state in (RunState.PAUSED, RunState.PREPARING, RunState.RUNNING)


def test_stop_during_set_up(fresh: Path) -> None:
    config = {
        "dataset": {"name": "digits", "side": 2, "n_train": 300},
        "network": {"name": "mlp", "layers": [4, 3, 1], "activation": "tanh"},
        "steps": 5,
        "replicas": 1,
    }
    page = press(opened(config=link(config)), "train.train")
    press(page, "train.stop")
    status = services.supervisor().wait(run_of(page), timeout=60)
    assert status.state in (RunState.STOPPED, RunState.FINISHED)
    assert not page.run().error


def test_new_settings_during_a_run_are_told_and_train_replaces_it(fresh: Path) -> None:
    page = press(opened(config=link({**SHORT, "steps": 100_000, "log_every": 100})), "train.train")
    first = run_of(page)
    page.number_input(key="form.run.seed").set_value(7).run()
    assert run_of(page) == first
    assert "Seed 0 → 7" in " ".join(i.value for i in page.info)
    press(page, "train.train")
    second = run_of(page)
    assert second != first
    assert services.supervisor().wait(first, timeout=60).state is RunState.STOPPED
    press(page, "train.stop")


def test_new_settings_after_a_run_show_their_preview(fresh: Path) -> None:
    page = ended(press(opened(config=link(SHORT)), "train.train"))
    page.number_input(key="form.run.seed").set_value(7).run()
    assert "run" not in page.query_params
    assert "Ready" in page.get("progress")[0].proto.text


def test_default_settings_after_a_run_show_their_preview(fresh: Path) -> None:
    page = ended(press(opened(config=link({**SHORT, "objective": {"name": "selbo"}})), "train.train"))
    page.button(key="defaults").click().run()
    assert "run" not in page.query_params
    assert "ELBO" in page.markdown[1].value + page.markdown[0].value
    until(page, lambda: "ELBO β" in charts(page)["loss"]["figure"]["layout"]["title"]["text"])
    assert "Ready" in page.get("progress")[0].proto.text


def test_settings_taken_over_after_a_run_show_their_preview(fresh: Path) -> None:
    """As a file or the browser's back button brings them: not through the form's widgets."""
    page = ended(press(opened(config=link(SHORT)), "train.train"))
    page.query_params["config"] = RunConfig.parse({**SHORT, "seed": 7}).to_url()
    page.run()
    assert "run" not in page.query_params
    assert "Ready" in page.get("progress")[0].proto.text


def test_settings_changed_while_a_run_trains_leave_it_in_view_when_it_ends(fresh: Path) -> None:
    page = press(opened(config=link({**SHORT, "steps": 100_000, "log_every": 100})), "train.train")
    first = run_of(page)
    page.number_input(key="form.run.seed").set_value(7).run()
    page.button(key="defaults").click().run()
    press(page, "train.stop")
    services.supervisor().wait(first, timeout=60)
    assert run_of(page.run()) == first
    page.run()
    assert run_of(page) == first, "opened again or drawn again, it stays"


def test_a_reopened_run_refreshes_until_its_setup_is_there(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(ended(press(opened(config=link(SHORT)), "train.train")))
    services.supervisor().shutdown()
    st.cache_resource.clear()
    gate, first_step, every = threading.Event(), previews_module.first_step, []

    def held(*args: Any) -> Any:
        gate.wait(60)
        return first_step(*args)

    fragment = st.fragment
    monkeypatch.setattr(previews_module, "first_step", held)
    monkeypatch.setattr(st, "fragment", lambda f, run_every=None: every.append(run_every) or fragment(f))
    page = opened(run=run)
    assert "Preparing" in charts(page)["weights"]["alt"]
    assert [e for e in every if e], "it looks again by itself"
    gate.set()
    until(page, lambda: charts(page)["weights"]["figure"]["data"])
    every.clear()
    page.run()
    assert set(charts(page)) >= {"weights", "boundary", "marginals", "circuit"}
    assert not [e for e in every if e], "and then no more"


@pytest.mark.parametrize(
    ("config", "label"),
    [
        ({"network": {"name": "mlp", "layers": [2, 5, 1]}}, "Test accuracy"),
        ({"dataset": {"name": "csv", "sha256": "ef" * 32}}, "Test accuracy"),
        ({"dataset": {"name": "moons", "n_test": 0}}, "Training accuracy"),
        ({"dataset": "cost_table", "network": None}, "Cost above the best"),
    ],
    ids=["refused", "missing file", "no test data", "cost table"],
)
def test_the_first_tile_is_about_the_data(config: dict[str, Any], label: str, fresh: Path) -> None:
    page = opened(config=link({**SHORT, **config}))
    until(page, lambda: page.metric[0].label.removesuffix(", mean of 2") == label)


def test_two_tabs_on_one_run_and_a_reload(fresh: Path) -> None:
    one = press(opened(config=link({**SHORT, "steps": 100_000, "log_every": 100})), "train.train")
    two = opened(run=run_of(one))
    assert not two.error
    press(two, "train.stop")
    services.supervisor().wait(run_of(one), timeout=60)
    assert "stopped" in one.run().get("progress")[0].proto.text


def test_a_run_of_an_earlier_process_is_drawn_again(fresh: Path) -> None:
    page = ended(press(opened(config=link(SHORT)), "train.train"))
    before = charts(page)
    services.supervisor().shutdown()
    st.cache_resource.clear()
    again = opened(run=run_of(page))
    until(again, lambda: charts(again)["boundary"]["figure"]["data"])
    after = charts(again)
    assert after["loss"]["figure"]["data"] == before["loss"]["figure"]["data"]
    assert after["marginals"]["figure"]["data"] == before["marginals"]["figure"]["data"]


def test_a_failure_is_a_message(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qhn_core import trainer
    from qhn_core.errors import InvalidArgument

    def broken(*args: Any, **more: Any) -> None:
        raise InvalidArgument("optimiser", expected="a finite loss", got="NaN at step 0", remedy="Lower the rate.")

    monkeypatch.setattr(trainer, "step", broken)
    page = ended(press(opened(config=link(SHORT)), "train.train"))
    told = " ".join(e.value for e in page.error)
    assert "failed" in told
    assert "Lower the rate." in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("config", "chart"),
    [
        ({"dataset": "cost_table", "network": None}, "costs"),
        ({"dataset": {"name": "iris", "components": 4}, "network": {"name": "mlp", "layers": [4, 1, 3]}}, "confusion"),
        ({"dataset": "wine", "network": {"name": "mlp", "layers": [2, 2, 3]}}, "boundary"),
        ({"data_draws": 2}, "boundary"),
    ],
    ids=["cost table", "four inputs", "three classes", "several draws"],
)
def test_every_kind_of_data_has_its_picture(config: dict[str, Any], chart: str, fresh: Path) -> None:
    page = ended(press(opened(config=link({**SHORT, **config})), "train.train"))
    assert not page.error
    found = charts(page)
    assert found[chart]["figure"]["data"]
    assert found["loss"]["figure"]["data"]


def test_nothing_is_sent_to_a_real_device_before_its_cost_was_agreed_to(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QHN_ALLOW_REMOTE", "1")
    begun: list[RunConfig] = []
    monkeypatch.setattr(Supervisor, "start", lambda self, config, **_: begun.append(config) or "a-run")
    device = {"name": "pennylane", "device": "qiskit.remote", "backend": "ibm_torino", "account": "lab"}
    config = {
        "network": {"name": "mlp", "layers": [2, 2, 1]},
        "objective": {"name": "selbo"},
        "engine": device,
        "estimator": {"name": "spsa", "shots": 100},
        "steps": 7,
        "replicas": 1,
    }
    page = opened(config=link(config))
    for name in ("Train", "Step", "Train"):
        press(page, f"train.{name.lower()}")
        assert begun == []
        (question,) = [w.value for w in page.warning if "may cost money" in w.value]
        assert all(part in question for part in (name, "24 circuits", "2,400 shots", "ibm_torino"))
        press(page, "train.not now")
        assert not [w for w in page.warning if "may cost money" in w.value]
    press(page, "train.train")
    press(page, "train.send")
    assert [c.steps for c in begun] == [7]


def test_unusable_data_folder_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("QHN_DATA", str(blocked / "data"))
    st.cache_resource.clear()
    page = opened()
    assert "data folder" in " ".join(e.value for e in page.error)
    st.cache_resource.clear()


def test_previews_are_shared_and_forgotten(tmp_path: Path) -> None:
    previews = Previews(tmp_path, keep=2)
    config = RunConfig.parse(SHORT)
    ready = previews.wait(config)
    assert ready.setup is not None
    assert ready.row is not None
    assert ready.probs is not None
    assert ready.probs.shape == (2, 2**13)
    assert previews.get(config.model_copy(update={"steps": 77})) is ready, "steps do not matter at step 0"
    for seed in (1, 2):
        previews.wait(RunConfig.parse({**SHORT, "seed": seed}))
    assert previews.wait(config) is not ready


def test_a_preview_that_cannot_be_says_why(tmp_path: Path) -> None:
    config = RunConfig.parse({"dataset": {"name": "csv", "sha256": "ef" * 32}})
    assert "not on this machine" in Previews(tmp_path).wait(config).message


def test_figures_are_built_once_a_version_and_not_too_often() -> None:
    cache, built = FigureCache(most_bytes=2), []

    def build() -> bytes:
        built.append(1)
        return b"%d" % len(built)

    assert cache.get(("a",), 1, build, every=0.0) == b"1"
    assert cache.get(("a",), 1, build, every=0.0) == b"1"
    assert cache.get(("a",), 2, build, every=60.0) == b"1", "too soon"
    assert cache.get(("a",), 2, build, every=0.0) == b"2"
    cache.get(("b",), 1, build, every=0.0)
    cache.get(("c",), 1, build, every=0.0)
    assert cache.get(("a",), 2, build, every=0.0) == b"5", "the oldest is forgotten"


def test_who_asks_for_a_figure_that_is_being_built_waits_for_it() -> None:
    cache, built, gate = FigureCache(), [], threading.Event()

    def build() -> bytes:
        built.append(1)
        gate.wait(10)
        return b"figure"

    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(cache.get(("a",), 1, build, every=0.0))) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(10)
    assert found == [b"figure"] * 8
    assert len(built) == 1

    def broken() -> bytes:
        raise ValueError("defect")

    with pytest.raises(ValueError, match="defect"):
        cache.get(("b",), 1, broken, every=0.0)
    assert cache.get(("b",), 1, lambda: b"mended", every=0.0) == b"mended"


def test_a_preview_of_many_starts_judges_each_by_its_own_draw_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews_module, "LARGEST", 4 << 9)  # room for four starts of nine bits
    network = {"name": "mlp", "layers": [2, 2, 1]}
    for draws, replicas in ((3, 8), (6, 8), (1, 8), (3, 4)):
        config = RunConfig.parse({"network": network, "replicas": replicas, "data_draws": draws})
        found = Previews(tmp_path).wait(config)
        shown = Shown("preview", config, None, np.zeros(1, np.int64), {}, found.setup)
        for replica in range(replicas):
            data = shown.problem(replica).dataset  # type: ignore[union-attr]
            np.testing.assert_array_equal(data.x_train, trainer.draw_of(config, replica % draws).x_train)
