"""The page Runs: rows, filters and differences as pure functions; the page itself through AppTest."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from app.figures.overlay import MAX_RUNS, Curve, overlay, run_colours, smooth
from app.figures.palette import loss_colour
from app.figures.plain import plain
from app.views.runs.page import LIMIT, PAGE
from app.views.runs.rows import SORTS, columns, differences, flatten, keep, order, settings_of, to_rows
from qhn_core.config import RunConfig
from qhn_core.metrics import LOGGED, METRICS, Metric
from qhn_core.runner import Supervisor
from qhn_core.store import RunState, RunStore

NEWER = json.dumps({"schema_version": 99, "dataset": {"name": "moons"}, "objective": {"name": "elbo"}})


def _config(**fields) -> RunConfig:
    return RunConfig.model_validate({"steps": 3, "replicas": 2, **fields})


def _enter(
    store: RunStore, config: RunConfig | str, *, accuracy: float | None = None, state: str = "finished", **more
) -> str:
    run_id = store.create(config, **more)
    steps = np.arange(4)
    if accuracy is not None:
        rows = {name: np.full((4, 2), accuracy) for name in ("loss", "accuracy_test", "predictive_nll_test")}
        store.append(run_id, steps, rows)
    store.flush(run_id, step=4, state=RunState(state))
    return run_id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    made = RunStore(tmp_path)
    yield made
    made.close()


@pytest.fixture
def filled(store: RunStore) -> RunStore:
    """Four runs: two losses, two datasets, one stopped, one of a newer version."""
    _enter(store, _config(objective={"name": "mle"}), accuracy=0.7, name="Lecture 1")
    _enter(store, _config(objective={"name": "elbo"}, seed=5), accuracy=0.9, name="lecture 2", state="stopped")
    _enter(store, _config(dataset={"name": "moons"}), accuracy=0.8, name="Moons")
    _enter(store, NEWER, name="From tomorrow")
    return store


# ---------------------------------------------------------------------------------------------------- rows


def test_row_shows_the_settings() -> None:
    shown = settings_of(_config(seed=7, ansatz={"name": "ring", "layers": 2}).to_json())
    assert (shown.dataset, shown.network, shown.circuit, shown.loss) == ("xor", "2-3-1", "ring × 2", "elbo")
    assert (shown.n_qubits, shown.seed, shown.problem) == (13, 7, "")


@pytest.mark.parametrize("text", [NEWER, "", "[]", "null", "{", '{"schema_version": []}', '"x"', "{}"])
def test_configuration_that_cannot_be_read_is_told_and_does_no_harm(text: str) -> None:
    shown = settings_of(text)
    assert shown.problem
    assert shown.n_qubits is None


@pytest.mark.parametrize(
    "damage", [{"network": 5}, {"network": {"name": "from_tomorrow"}}, {"dataset": None, "network": None}]
)
def test_damaged_section_leaves_a_blank(damage: dict) -> None:
    assert settings_of(json.dumps(_config().to_dict() | damage)).n_qubits is None


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {"Lecture 1", "lecture 2", "Moons", "From tomorrow"}),
        ({"text": "LECTURE"}, {"Lecture 1", "lecture 2"}),
        ({"text": "lecture mle"}, {"Lecture 1"}),
        ({"text": "no such words"}, set()),
        ({"states": ["stopped"]}, {"lecture 2"}),
        ({"losses": ["mle"]}, {"Lecture 1"}),
        ({"datasets": ["moons"], "losses": ["elbo"]}, {"Moons", "From tomorrow"}),
    ],
)
def test_filters(filled: RunStore, filters: dict, expected: set[str]) -> None:
    assert {row.record.name for row in keep(to_rows(filled.list()), **filters)} == expected


def test_filter_finds_notes_and_ids(filled: RunStore) -> None:
    run_id = filled.list()[0].id
    filled.set_note(run_id, "Shown in May")
    rows = to_rows(filled.list())
    assert [row.record.id for row in keep(rows, text="may shown")] == [run_id]
    assert [row.record.id for row in keep(rows, text=run_id)] == [run_id]


def test_sorting_puts_pinned_first_and_missing_numbers_last(filled: RunStore) -> None:
    rows = to_rows(filled.list())
    names = [row.record.name for row in order(rows, METRICS["accuracy_test"].label)]
    assert names == ["lecture 2", "Moons", "Lecture 1", "From tomorrow"]
    filled.set_pinned(next(row.record.id for row in rows if row.record.name == "From tomorrow"))
    assert order(to_rows(filled.list()), METRICS["accuracy_test"].label)[0].record.name == "From tomorrow"


@pytest.mark.parametrize("by", SORTS)
def test_every_sorting_keeps_all_rows(filled: RunStore, by: str) -> None:
    rows = to_rows(filled.list())
    assert {row.record.id for row in order(rows, by)} == {row.record.id for row in rows}


def test_columns_are_of_one_length_and_hold_no_nan(filled: RunStore) -> None:
    table = columns(to_rows(filled.list()))
    assert {len(values) for values in table.values()} == {4}
    assert not [v for values in table.values() for v in values if isinstance(v, float) and math.isnan(v)]


def test_differences_name_only_what_differs() -> None:
    one, two = _config(seed=1), _config(seed=2, objective={"name": "elbo", "beta": 1.0})
    table = differences([one.to_json(), two.to_json()])
    assert table == {"Seed": ["1", "2"], "Loss: β": ["0.3", "1.0"]}
    assert differences([one.to_json(), one.to_json()]) == {}


def test_differences_say_where_a_setting_is_absent() -> None:
    table = differences([_config(objective={"name": "mle"}).to_json(), _config().to_json()])
    assert table["Loss"] == ["MLE", "ELBO"]
    assert table["Loss: β"] == ["–", "0.3"]


def test_differences_are_called_as_in_the_form_and_what_is_unknown_by_its_name() -> None:
    one, two = _config(objective={"name": "selbo", "lam": 1.0}), _config(objective={"name": "selbo", "lam": 0.3})
    assert differences([one.to_json(), two.to_json()]) == {"Loss: λ": ["1.0", "0.3"]}
    strange = '{"objective": {"name": "of tomorrow", "zeal": 1}}'
    table = differences([one.to_json(), strange])
    assert table["Loss"] == ["SELBO", "of tomorrow"]
    assert table["Loss: zeal"] == ["–", "1"]


def test_flatten_survives_what_is_not_json() -> None:
    assert flatten("{") == {}


def test_ten_thousand_rows_are_filtered_and_sorted(store: RunStore) -> None:
    run_id = _enter(store, _config(), accuracy=0.5)
    rows = to_rows([store.get(run_id)] * 10_000)
    assert len(order(keep(rows, text="xor elbo", losses=["elbo"]), METRICS["accuracy_test"].label)) == 10_000


# ------------------------------------------------------------------------------------------------- overlay


@given(some.lists(some.floats(-1e6, 1e6), min_size=1, max_size=30), some.floats(0.0, 0.99), some.floats(-1e6, 1e6))
def test_smoothing_is_an_average(values: list[float], weight: float, constant: float) -> None:
    """It stays within the values' range, leaves a constant alone, and begins with the first value."""
    array = np.array(values)
    out = smooth(array, weight)
    slack = 1e-9 * (1 + np.abs(array).max())
    assert array.min() - slack <= out.min()
    assert out.max() <= array.max() + slack
    assert out[0] == pytest.approx(array[0])
    assert smooth(np.full(20, constant), weight) == pytest.approx(np.full(20, constant))


def test_smoothing_is_the_stated_sum() -> None:
    values, w = np.array([1.0, 4.0, 2.0]), 0.5
    expected = [1.0, (0.5 * 1 + 4) / 1.5, (0.25 * 1 + 0.5 * 4 + 2) / 1.75]
    assert smooth(values, w) == pytest.approx(expected)


def test_smoothing_is_as_step_by_step() -> None:
    rng = np.random.default_rng(11)
    values, weight = rng.normal(size=(300, 3)), 0.93
    values[rng.random(values.shape) < 0.3] = np.nan
    values[:4, 1], values[7, 2], values[:, 0] = np.nan, np.inf, rng.normal(size=300)
    expected, total, mass = np.empty_like(values), np.zeros(3), np.zeros(3)
    for t, row in enumerate(values):
        known = np.isfinite(row)
        total = np.where(known, weight * total + np.where(known, row, 0.0), total)
        mass = np.where(known, weight * mass + 1.0, mass)
        expected[t] = np.divide(total, mass, out=np.full(3, np.nan), where=mass > 0)
    np.testing.assert_allclose(smooth(values, weight), expected, rtol=1e-12)
    np.testing.assert_allclose(smooth(values[:, 0], weight), expected[:, 0], rtol=1e-12)


def test_smoothing_passes_over_missing_values() -> None:
    out = smooth(np.array([[np.nan], [2.0], [np.nan], [2.0]]), 0.9)
    assert np.isnan(out[0, 0])
    assert out[1:, 0] == pytest.approx([2.0, 2.0, 2.0])


def test_each_loss_keeps_its_colour_and_repeats_are_told_apart() -> None:
    colours = run_colours(["elbo", "mle", "elbo", "elbo", "something_new"])
    assert colours[0].lower() == loss_colour("elbo").lower()
    assert colours[1].lower() == loss_colour("mle").lower()
    assert len(set(colours)) == 5


def _curve(label: str = "a", value: float = 1.0, replicas: int = 3) -> Curve:
    return Curve(label, "elbo", np.arange(5.0), np.full((5, replicas), value) * np.linspace(1, 2, 5)[:, None])


def _drawn(figure: dict) -> list[str]:
    return [t["name"] for t in figure["data"] if t.get("mode") == "lines" and t.get("showlegend", True)]


def test_overlay_draws_one_median_per_run() -> None:
    figure = overlay([_curve("a"), _curve("b")], metric="loss")
    assert _drawn(figure) == ["a", "b"]
    median = next(t for t in figure["data"] if t["name"] == "a" and t["mode"] == "lines")
    assert median["y"] == pytest.approx(np.linspace(1, 2, 5))
    json.dumps(plain(figure), allow_nan=False)


def test_overlay_log_axis_leaves_out_what_is_not_positive() -> None:
    figure = overlay([_curve(value=-1.0), _curve("b")], metric="mmd2", log_y=True)
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert _drawn(figure) == ["b"]


@pytest.mark.parametrize("curves", [[], [Curve("a", "elbo", np.zeros(0), np.zeros((0, 1)))], [_curve(value=np.nan)]])
def test_overlay_without_values_says_so(curves: list[Curve]) -> None:
    figure = overlay(curves, metric="loss")
    assert "no values" in figure["layout"]["annotations"][0]["text"]


def test_overlay_is_bounded() -> None:
    assert len(_drawn(overlay([_curve(str(i)) for i in range(MAX_RUNS + 3)], metric="loss"))) == MAX_RUNS


@pytest.mark.parametrize("metric", [METRICS[name] for name in (*LOGGED, "gap")], ids=lambda metric: metric.name)
def test_overlay_of_every_metric(metric: Metric) -> None:
    shape = overlay([_curve()], metric=metric.name)["layout"]
    assert metric.label in shape["title"]["text"]
    assert shape["yaxis"]["title"]["text"] == metric.unit


# ---------------------------------------------------------------------------------------------------- page

MAIN = Path(__file__).parents[2] / "app" / "main.py"


@pytest.fixture
def page(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The page Runs on the store's folder, not yet run."""
    monkeypatch.setenv("QHN_DATA", str(store.folder))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_file(str(MAIN), default_timeout=60).run().switch_page("views/runs/page.py")
    from app import services

    services.supervisor().shutdown()
    st.cache_resource.clear()


def _tick(page: AppTest, *run_ids: str) -> AppTest:
    """Tick runs as the page remembers them; the table takes its ticks from there."""
    page.session_state["qhn.runs_chosen"] = run_ids
    key = "qhn.runs_generation"
    page.session_state[key] = (page.session_state[key] + 1) if key in page.session_state else 1
    return page.run()


def _button(page: AppTest, label: str):
    return next(button for button in page.button if button.label == label)


def _names(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["name"])


def _id(store: RunStore, name: str) -> str:
    return next(record.id for record in store.list() if record.name == name)


def test_empty_page_leads_to_train(page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert any("Nothing trained yet" in text.value for text in page.markdown)
    _button(page, "Train a first run").click().run()
    assert not page.exception
    assert any(button.label == "Train" for button in page.button)


def test_page_lists_and_filters(filled: RunStore, page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert set(_names(page)) == {"Lecture 1", "lecture 2", "Moons", "From tomorrow"}
    page.text_input(key="runs_text").set_value("lecture").run()
    assert set(_names(page)) == {"Lecture 1", "lecture 2"}
    page.multiselect(key="runs_state").set_value(["stopped"]).run()
    assert _names(page) == ["lecture 2"]
    page.text_input(key="runs_text").set_value("nothing like this").run()
    assert not page.dataframe
    assert any("No run passes" in text.value for text in page.info)


def test_page_sorts(filled: RunStore, page: AppTest) -> None:
    page.run()
    page.selectbox(key="runs_sort").set_value(METRICS["accuracy_test"].label).run()
    assert _names(page) == ["lecture 2", "Moons", "Lecture 1", "From tomorrow"]


def test_runs_that_were_only_tried_out_are_behind_a_switch(filled: RunStore, page: AppTest) -> None:
    for name, step, state in (("tried", 2, "stopped"), ("broke", 2, "failed"), ("longer", 9, "stopped")):
        run_id = filled.create(_config(steps=50), name=name)
        filled.flush(run_id, step=step, state=RunState(state))
    kept = filled.create(_config(steps=50), name="tried and pinned")
    filled.flush(kept, step=1, state=RunState.STOPPED)
    filled.set_pinned(kept, True)
    page.run()
    assert "tried" not in _names(page)
    assert {"broke", "longer", "tried and pinned", "lecture 2"} <= set(_names(page))
    (switch,) = [toggle for toggle in page.toggle if "fewer than 5 steps" in toggle.label]
    assert switch.label.startswith("Show 1 run ")
    switch.set_value(True).run()
    assert "tried" in _names(page)


@pytest.mark.parametrize("by", ["Loss", "Data", "Steps made"])
def test_the_table_sorts_by_setting_and_size(filled: RunStore, by: str) -> None:
    rows = order(to_rows(filled.list()), by)
    values = {"Loss": "loss_title", "Data": "dataset", "Steps made": "steps_made"}[by]
    found = [getattr(row, values) for row in rows]
    assert found == sorted(found, reverse=by == "Steps made")


def test_nothing_ticked_nothing_to_press(filled: RunStore, page: AppTest) -> None:
    page.run()
    assert all(_button(page, label).disabled for label in ("Reopen", "Resume", "Pin", "Delete"))


def test_one_run_is_renamed_and_annotated_as_plain_text(filled: RunStore, page: AppTest) -> None:
    run_id = _id(filled, "Moons")
    _tick(page, run_id)
    page.text_input(key=f"runs_name_{run_id}").set_value("<b>Half</b> *moons*")
    page.text_area(key=f"runs_note_{run_id}").set_value("two\nlines")
    _button(page, "Save").click().run()
    assert not page.exception
    assert filled.get(run_id).name == "<b>Half</b> *moons*"
    assert filled.get(run_id).note == "two\nlines"
    assert "<b>Half</b> *moons*" in _names(page)


def test_pin_and_unpin(filled: RunStore, page: AppTest) -> None:
    run_id = _id(filled, "Lecture 1")
    _tick(page, run_id)
    _button(page, "Pin").click().run()
    assert filled.get(run_id).pinned
    assert _names(page)[0] == "Lecture 1"
    _button(page, "Unpin").click().run()
    assert not filled.get(run_id).pinned


def test_deletion_asks_first(filled: RunStore, page: AppTest) -> None:
    run_id = _id(filled, "Lecture 1")
    _tick(page, run_id)
    _button(page, "Delete").click().run()
    assert filled.get(run_id).name == "Lecture 1"
    assert any("Lecture 1" in text.value for text in page.text)
    assert {"Keep", "Delete"} <= {button.label for button in page.button}


def test_overlay_shows_where_runs_differ(filled: RunStore, page: AppTest) -> None:
    _tick(page, _id(filled, "Lecture 1"), _id(filled, "lecture 2"))
    assert not page.exception
    table = page.dataframe[1].value
    assert list(table["setting"]) == ["Loss", "Seed", "Loss: β"]
    page.selectbox(key="runs_metric").set_value("accuracy_test").run()
    page.toggle(key="runs_log").set_value(True).run()
    page.slider(key="runs_smoothing").set_value(0.9).run()
    assert not page.exception


def test_run_of_a_newer_version_is_shown_and_refused_politely(filled: RunStore, page: AppTest) -> None:
    _tick(page, _id(filled, "From tomorrow"))
    assert not page.exception
    assert any("version 99" in text.value for text in page.warning)
    assert _button(page, "Resume").disabled
    _button(page, "Reopen").click().run()
    assert not page.exception
    assert any("cannot use" in toast.value for toast in page.toast)


def test_run_left_behind_by_a_dead_process_is_interrupted(store: RunStore, page: AppTest) -> None:
    run_id = store.create(_config(), name="Left behind", state=RunState.RUNNING)
    with store.database.write() as db:
        db.execute("UPDATE runs SET owner = NULL WHERE id = ?", (run_id,))
    from app import services

    services.shared_supervisor.clear()
    page.run()
    assert not page.exception
    assert list(page.dataframe[0].value["state"]) == ["interrupted"]
    _tick(page, run_id)
    assert not _button(page, "Resume").disabled


def test_many_runs_are_paged(store: RunStore, page: AppTest) -> None:
    text = _config().to_json()
    for number in range(LIMIT + 5):
        store.create(text, name=f"Run {number}" if number else "Zebra", state=RunState.FINISHED)
    page.run()
    assert not page.exception
    assert len(_names(page)) == PAGE
    assert "Zebra" not in _names(page)
    page.text_input(key="runs_text").set_value("Zebra").run()
    assert not page.dataframe
    page.toggle(key="runs_everything").set_value(True).run()
    assert _names(page) == ["Zebra"]


REAL = {
    "objective": {"name": "selbo"},
    "engine": {"name": "pennylane", "device": "qiskit.remote", "backend": "ibm_torino", "account": "lab"},
    "estimator": {"name": "spsa", "shots": 100},
}


def test_resuming_runs_on_real_devices_is_asked_about_once(
    store: RunStore, page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps 2 and 3 of three, two starts, three circuits each: 12 circuits a run."""
    monkeypatch.setenv("QHN_ALLOW_REMOTE", "1")
    resumed: list[str] = []
    monkeypatch.setattr(Supervisor, "resume", lambda self, run, **_: resumed.append(run))
    ids = [store.create(_config(**more), state=RunState.STOPPED) for more in (REAL, REAL | {"seed": 9}, {})]
    for run_id in ids:
        store.flush(run_id, step=2, state=RunState.STOPPED)
    _tick(page, *ids)
    _button(page, "Resume").click().run()
    assert resumed == []
    assert "Resume sends up to 24 circuits with 2,400 shots to ibm_torino" in " ".join(w.value for w in page.warning)
    _button(page, "Not now").click().run()
    assert resumed == []
    assert not page.warning
    _button(page, "Resume").click().run()
    _button(page, "Send").click().run()
    assert not page.exception
    assert sorted(resumed) == sorted(ids)
    assert [toast.value for toast in page.toast] == ["3 resumed"]


def test_resuming_runs_on_this_machine_is_not_asked_about(
    filled: RunStore, page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed: list[str] = []
    monkeypatch.setattr(Supervisor, "resume", lambda self, run, **_: resumed.append(run))
    run_id = _id(filled, "lecture 2")
    _tick(page, run_id)
    _button(page, "Resume").click().run()
    assert resumed == [run_id]


def _above_the_table(page: AppTest) -> list[list[str]]:
    """What stands above the table: a list for each row of the page, of the kinds and labels in it."""
    found: list[list[str]] = []
    for row in page.main.children.values():
        inside = list(getattr(row, "children", {}).values())
        if any(element.type == "dataframe" for element in inside):
            return found
        found.append([f"{e.type} {getattr(e, 'label', '')}".replace("Unpin", "Pin") for e in (inside or [row])])
    raise AssertionError("no table")


def test_ticks_move_nothing_above_the_table(store: RunStore, page: AppTest) -> None:
    ended = _enter(store, _config(), accuracy=0.7, name="Ended")
    store.flush(ended, step=4, state=RunState.FINISHED, message="all 3 steps done")
    failed = _enter(store, _config(seed=2), accuracy=0.7, name="Failed")
    store.flush(failed, step=2, state=RunState.FAILED, message="The cryostat is warm.")
    before = _above_the_table(page.run())
    for ticked in ([ended], [ended, failed], [failed]):
        _tick(page, *ticked)
        assert _above_the_table(page) == before
        told = [text.value for text in page.text]
        assert told == (["Failed: The cryostat is warm."] if ticked == [failed] else [])


def test_a_run_too_long_for_a_link_is_reopened(store: RunStore, page: AppTest) -> None:
    costs = np.random.default_rng(0).normal(size=4096).tolist()
    config = _config(dataset={"name": "cost_table", "costs": costs}, network=None)
    run_id = _enter(store, config, accuracy=0.5, name="Long table")
    _tick(page, run_id)
    _button(page, "Reopen").click().run()
    assert not page.exception
    assert not page.error
    assert str(page.query_params["run"]) == run_id
    assert "config" not in page.query_params
    assert any(button.label == "Train" for button in page.button)
    assert not [info for info in page.info if "Changed since" in info.value], "the form holds the run's settings"
    alone = AppTest.from_file(str(MAIN), default_timeout=60)
    alone.query_params["run"] = run_id
    alone.run()
    assert not alone.exception
    assert not alone.error
    assert not [info for info in alone.info if "Changed since" in info.value]
    alone.number_input(key="form.run.steps").set_value(5).run()
    assert not alone.exception
    assert not alone.error


def test_losses_on_one_axis_are_said_to_be_each_its_own_and_curves_to_be_medians() -> None:
    losses = ("ELBO β=0.3", "ELBO β=1")
    mixed = overlay([replace(_curve(label=name, replicas=4), loss=name) for name in losses], metric="loss")
    assert "Loss, each run its own" in mixed["layout"]["title"]["text"]
    assert "median of 4 starts, band: middle 80 %" in mixed["layout"]["xaxis"]["title"]["text"]
    same = overlay([replace(_curve(label=n, replicas=k), loss="MLE") for n, k in (("a", 1), ("b", 4))], metric="loss")
    assert "each" not in same["layout"]["title"]["text"]
    assert "median of 1 or 4 starts" in same["layout"]["xaxis"]["title"]["text"]
    assert overlay([_curve(replicas=1)], metric="loss")["layout"]["xaxis"]["title"]["text"] == "step"
