"""A loss added in one file is complete on every page: name, weight, terms, unit and colour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import services
from qhn_core.config import RunConfig
from qhn_core.objectives import OBJECTIVES
from qhn_core.runner import RunState
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.sweep import SweepConfig, SweepFolder, run_cell, table
from qhn_core.studies.sweep_report import write_report
from tests.app.pages import charts, curves, drawn, opened, press, title, until, words
from tests.app.throwaway import Frugal

CONFIG: dict[str, Any] = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 20},
    "network": {"name": "mlp", "layers": [2, 2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "objective": {"name": "frugal", "tau": 0.25},
    "steps": 4,
    "replicas": 2,
}


@pytest.fixture(autouse=True)
def frugal() -> Iterator[None]:
    with OBJECTIVES.holding(Frugal):
        yield


@pytest.fixture
def trained(fresh: Path) -> str:
    run = services.supervisor().start(RunConfig.parse(CONFIG))
    assert services.supervisor().wait(run, timeout=120).state is RunState.FINISHED
    return run


def test_train(trained: str) -> None:
    page = opened(run=trained)
    until(page, lambda: drawn(page, "weights"))
    assert "FRU τ=0.25" in title(page, "loss")
    assert {"loss", "fit", "plus weights"} <= curves(page, "loss").keys()
    assert curves(page, "loss")["loss"]["line"]["color"] == Frugal.colour
    assert charts(page)["loss"]["figure"]["layout"]["yaxis"]["title"]["text"] == Frugal.unit
    assert "FRU τ=0.25" in words(page)
    (menu,) = [box for box in page.selectbox if Frugal.label in box.options]
    assert menu.value == "frugal"
    assert [box.label for box in page.number_input if box.label == "τ"]


def test_compare(fresh: Path) -> None:
    base = {key: value for key, value in CONFIG.items() if key != "objective"}
    sides = [{"objective": {"name": "mle"}}, {"objective": CONFIG["objective"]}]
    page = opened("compare", race=RaceConfig.parse({"base": base, "contenders": sides, "rivals": []}).to_url())
    race = str(press(page, "race.train").query_params["raced"])
    assert services.races().wait(race, 120).run.state is RunState.FINISHED
    until(page, lambda: drawn(page, "race-nll"))
    assert curves(page, "race-nll")["FRU τ=0.25"]["line"]["color"] == Frugal.colour
    assert "| **FRU τ=0.25** |" in words(page)
    page.button_group(key="race.tab").set_value("Trainability").run()
    unit = charts(page)["race-loss"]["figure"]["layout"]["yaxis"]["title"]["text"]
    assert unit == "nats per example or frugals per example"
    assert [slider for slider in page.slider if slider.label == "τ"], "its weight has a slider"
    assert [button for button in page.button if button.label == "Warm up from 0"]


def test_explore(trained: str) -> None:
    page = opened("explore", run=trained, section="trainability")
    assert not page.error
    offered = [group for group in page.button_group if group.key == "explore.losses"]
    assert "FRU" in [option.content for option in offered[0].proto.options]


def test_hardware(trained: str) -> None:
    page = opened("hardware", run=trained)
    until(page, lambda: drawn(page, "shots-loss", "shots-gradient"))
    assert title(page, "shots-loss").startswith("FRU estimate, 1,024 shots"), "without bias, as it is linear in q"
    (menu,) = [box for box in page.selectbox if box.label == "Loss"]
    assert {"MLE", "SELBO", "KSD", "FRU"} <= set(menu.options)


def test_runs(trained: str) -> None:
    page = opened("runs")
    assert list(page.dataframe[0].value["loss"]) == ["FRU τ=0.25"]
    page.session_state["qhn.runs_chosen"] = (trained,)
    page.session_state["qhn.runs_generation"] = 1
    page.run()
    figure = charts(page)["overlay"]["figure"]
    assert figure["layout"]["yaxis"]["title"]["text"] == Frugal.unit
    assert Frugal.colour.lower() in {trace.get("line", {}).get("color", "").lower() for trace in figure["data"]}


def test_report(tmp_path: Path) -> None:
    base = {key: value for key, value in CONFIG.items() if key != "objective"}
    axes = {"objective": [{"name": "mle"}, CONFIG["objective"]]}
    sweep, folder = SweepConfig.parse({"base": base, "axes": axes, "metric": "loss"}), SweepFolder(tmp_path)
    for cell in sweep.cells():
        folder.put(cell.key, run_cell(cell.config.to_json()))
    page = write_report(sweep, table(sweep, folder), tmp_path).read_text()
    assert "<th>FRU τ=0.25</th>" in page
    assert "<h1>Loss (nats per example)</h1>" in page
