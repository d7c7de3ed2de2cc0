"""Ten digits with 640 weights on Compare and Explore: everything without a table, and said so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import race_state, services
from app.examples import EXAMPLES
from app.views.compare import wide
from app.views.compare.quantum import TWIN, twin_of
from qhn_core import trainer
from qhn_core.ansatze import initial_angles
from qhn_core.config import RunConfig
from qhn_core.runner import RunState
from qhn_core.studies.race.config import RaceConfig
from tests.app import pages
from tests.app.pages import charts, drawn, until, words

SMALL: dict[str, Any] = EXAMPLES["Ten digits, 640 weights"] | {"steps": 4, "log_every": 2, "replicas": 2, "batch": 32}
DIGITS = RunConfig.parse(SMALL | {"dataset": SMALL["dataset"] | {"n_train": 60, "n_test": 80}})


def test_a_race_of_640_weights_is_seen_judged_and_asked_whether_it_is_quantum(fresh: Path) -> None:
    config = race_state.race_of(DIGITS)
    assert [c.objective.name for c in config.contenders] == ["mle", "elbo", "selbo"]
    assert config.contenders[2].objective.model_dump()["gamma"] == "auto"  # 0.7 would see nothing of 640 bits
    page = pages.opened("compare", race=config.to_url())
    pages.press(page, "race.train")
    race = str(page.query_params["raced"])
    assert services.races().wait(race, 400).run.state is RunState.FINISHED
    page.run()
    shown = {"Generalisation": ("race-nll", "race-accuracy"), "Evidence": ("evidence", "race-weights")}
    shown |= {"Pictures": ("race-confusion-1", "race-networks-3")}
    for tab, names in shown.items():
        page.button_group(key="race.tab").set_value(tab).run()
        until(page, lambda names=names: drawn(page, *names))
    confusion = charts(page)["race-confusion-1"]["alt"]
    accuracy = services.races().history(race, 0).history["accuracy_test"]
    start = int(re.search(r"start (\d+)", pages.title(page, "race-confusion-1"))[1]) - 1
    assert f"{accuracy[-1, start]:.1%} on the diagonal" in confusion  # the picture's ensemble is that of the numbers
    page.button_group(key="race.tab").set_value("Verdict").run()
    assert "256 networks drawn from each circuit" in words(page)
    assert not page.exception
    page.button_group(key="race.tab").set_value("Is it quantum?").run()
    pages.press(page, "race.train_twin")
    until(page, lambda: "product twin" in charts(page)["dependence"]["alt"])
    until(page, lambda: "independent seeds are too few to judge" in words(page))
    assert not page.error


def test_the_twin_differs_in_its_entangling_gates_alone() -> None:
    config = race_state.race_of(DIGITS)
    twin, own = twin_of(config, 1).configs()[0], config.configs()[1]
    assert twin.model_copy(update={"ansatz": own.ansatz}) == own
    assert (twin.ansatz.name, twin.ansatz.hadamard, twin.ansatz.scale) == ("product", True, own.ansatz.scale)
    assert twin_of(config, 1).contenders[0].title == TWIN
    assert "same random numbers" in wide.judged_by(own)
    assert not wide.judged_by(RunConfig())


def test_one_seeds_ensemble_is_its_part_of_the_whole() -> None:
    setup = trainer.prepare(DIGITS)
    theta = initial_angles(setup.circuit, replicas=2, seed=5)
    whole = trainer.ensemble(setup, theta)[0]
    for replica in (0, 1):
        np.testing.assert_array_equal(trainer.ensemble_of(setup, theta, replica), whole[replica])


def test_explore_offers_what_needs_no_table(fresh: Path) -> None:
    page = pages.opened("explore", run=pages.trained(DIGITS.to_dict()))
    until(page, lambda: drawn(page, "profile", "schmidt", "neighbours", "decided"))
    tiles = pages.tiles(page)
    assert "±" in tiles["Total correlation"]
    assert int(tiles["Largest χ"]) == 2
    page = pages.opened("explore", run=str(page.query_params["run"]), section="spectrum")
    assert any("needs a table of all 2^640 strings" in info.value for info in page.info)
    assert not page.error


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ansatz": {"name": "ring", "layers": 9}}, "needs chi = 2^"),
        ({"replicas": 4096, "ansatz": {"name": "chain", "layers": 8}}, "needs about"),
        ({"batch": 61}, "at most 60, the training examples"),
        ({"network": {"name": "mlp", "layers": [64, 32, 10]}}, "takes at most 2000"),
        ({"estimator": {"name": "adjoint"}, "batch": None}, "needs tables of all 2^640 strings"),
        ({"objective": {"name": "ksd"}}, "ends at 64 qubits"),
    ],
)
def test_what_cannot_work_is_refused_before_the_start(more: dict[str, Any], said: str, fresh: Path) -> None:
    config = RunConfig.parse(DIGITS.to_dict() | more)
    page = pages.opened(config=config.to_url())
    assert any((said in error.value and "Use " in error.value) or "Leave " in error.value for error in page.error)
    assert next(b for b in page.button if b.label == "Train").disabled
    page = pages.opened("compare", race=RaceConfig.parse({"base": config.to_dict()}).to_url())
    assert any(said in error.value for error in page.error)
    assert not services.store().list()
