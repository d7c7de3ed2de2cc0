"""Ghosts of the runs before on the Train page, and what changed since, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from app import services
from app.changes import changes, race_changes
from app.figures import gap_curves, loss_curves
from app.figures.ghosts import Ghost, haunted
from app.figures.palette import loss_colour
from qhn_core.config import RunConfig
from qhn_core.studies.race.config import RaceConfig
from tests.app.pages import charts, ended, link, opened, press, run_of, words

STEPS = np.arange(6)


def history(level: float) -> dict[str, Any]:
    values = level - 0.1 * np.arange(6.0)[:, None] * np.ones(3)
    return dict.fromkeys(("loss", "predictive_nll_train", "predictive_nll_test"), values)


def test_ghosts_lie_behind_and_both_fit_the_axes() -> None:
    now = loss_curves(STEPS[:2], {k: v[:2] for k, v in history(2.0).items()}, objective="mle", total=6)
    figure = haunted(now, [Ghost(STEPS, history(5.0), "elbo", "before: ELBO β=1")], {"loss": "solid"})
    ghost, *own = figure["data"]
    assert ghost["name"] == "before: ELBO β=1"
    assert ghost["line"]["color"] == loss_colour("elbo")
    assert ghost["line"]["width"] < min(trace["line"]["width"] for trace in own if trace["name"] == "loss")
    assert own == now["data"]
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < 1.9 < 5.0 < high
    assert figure["layout"]["xaxis"]["range"] == [0, 5]


def test_the_axes_stay_while_the_run_stays_within_the_ghost() -> None:
    ghost = Ghost(STEPS, history(5.0), "elbo", "before")
    ranges = []
    for n in (2, 4, 6):
        part = {k: v[:n] for k, v in history(5.0).items()}
        figure = haunted(loss_curves(STEPS[:n], part, objective="mle", total=6), [ghost], {"loss": "solid"})
        ranges.append((figure["layout"]["xaxis"]["range"], figure["layout"]["yaxis"]["range"]))
    assert ranges[0] == ranges[1] == ranges[2]


def test_older_ghosts_are_fainter_and_only_the_newest_stands_in_the_legend() -> None:
    pair = {"predictive_nll_train": "solid", "predictive_nll_test": "dash"}
    ghosts = [Ghost(STEPS, history(3.0), "elbo", "new"), Ghost(STEPS, history(4.0), "mle", "old")]
    figure = haunted(gap_curves(STEPS, history(2.0), objective="selbo"), ghosts, pair)
    found = [trace for trace in figure["data"] if trace.get("meta") == "ghost"]
    assert [(t["name"], t["line"]["dash"]) for t in found] == [
        ("new", "solid"), ("new", "dash"), ("old", "solid"), ("old", "dash"),
    ]  # fmt: skip
    assert found[0]["opacity"] == found[1]["opacity"] > found[2]["opacity"] == found[3]["opacity"]
    assert [t["showlegend"] for t in found] == [True, False, False, False]


def test_without_a_curve_of_its_own_there_is_no_ghost() -> None:
    now = loss_curves(STEPS, history(2.0), objective="mle")
    assert haunted(now, [Ghost(STEPS[:1], {"loss": np.ones((1, 3))}, "elbo", "x")], {"loss": "solid"}) == now
    assert haunted(now, [], {"loss": "solid"}) == now


def test_changes_are_said_in_the_words_of_the_form() -> None:
    base = RunConfig.parse({"objective": {"name": "elbo", "beta": 0.3}})
    parse = RunConfig.parse
    assert changes(base, base) == ()
    assert changes(base, parse({"objective": {"name": "mle"}})) == ("Loss ELBO β=0.3 → MLE",)
    assert changes(base, parse({"objective": {"name": "elbo", "beta": 1.0}})) == ("Loss ELBO β=0.3 → ELBO β=1",)
    other = parse({"objective": {"name": "elbo", "beta": 0.3}, "optimiser": {"name": "adam", "lr": 0.1}, "seed": 3})
    assert changes(base, other) == ("Optimiser: learning rate 0.05 → 0.1", "Seed 0 → 3")
    deeper = parse({"objective": {"name": "elbo", "beta": 0.3}, "ansatz": {"name": "ring", "layers": 2}})
    assert changes(base, deeper)[0].startswith("Circuit ")
    assert "→ Ring" in changes(base, deeper)[0]


def test_changes_of_a_race_are_those_of_its_settings_contenders_and_rivals() -> None:
    race = RaceConfig()
    assert race_changes(race, race) == ()
    fewer = race.model_copy(update={"contenders": race.contenders[:2], "rivals": ()})
    base = {"base": race.base.model_copy(update={"steps": 7})}
    assert race_changes(race, race.model_copy(update=base)) == (f"Steps {race.base.steps} → 7",)
    contenders, rivals = race_changes(race, fewer)
    assert contenders.startswith("Contenders MLE, ")
    assert rivals.endswith("→ none")


def test_changed_settings_are_named_beside_the_run(fresh: Path) -> None:
    run = services.shared_supervisor().start(RunConfig.parse({"steps": 5000, "replicas": 1}), paused=True)
    page = opened(run=run)
    page.number_input(key="form.run.steps").set_value(4).run()
    assert "Changed since this run began: Steps 5000 → 4." in words(page, "info")
    services.shared_supervisor().stop(run)


def test_changed_and_trained_again_the_last_curves_stay(fresh: Path) -> None:
    config = {"steps": 5, "replicas": 2, "objective": {"name": "elbo", "beta": 0.3}}
    page = ended(press(opened(config=link(config)), "train.train"))
    first = run_of(page)
    assert _ghosts(page) == []
    page.selectbox(key="form.objective").set_value("mle").run()
    assert _ghosts(page) == ["before"]  # already beside the preview
    page = ended(press(page, "train.train"))
    assert run_of(page) != first
    assert _ghosts(page) == ["before"]
    assert any("Loss ELBO β=0.3 → MLE" in caption.value for caption in page.caption)
    page.button(key="train.ghosts.clear").click().run()
    assert not page.exception
    assert _ghosts(page) == []
    assert not any("Thin lines" in caption.value for caption in page.caption)


def _ghosts(page: AppTest) -> list[str]:
    return [t["name"] for t in charts(page)["loss"]["figure"]["data"] if t.get("meta") == "ghost"]
