"""A circuit, an engine and an optimiser, each added in one file: on the pages' menus, trained with, raced with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from qhn_core.ansatze import ANSATZE
from qhn_core.engines import ENGINES
from qhn_core.optimisers import OPTIMISERS
from tests.app.pages import charts, drawn, ended, link, opened, press, title, until, words
from tests.app.throwaway import ForgetfulConfig, SignDescent, Star

CONFIG: dict[str, Any] = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 20},
    "network": {"name": "mlp", "layers": [2, 1, 1]},
    "ansatz": {"name": "star", "layers": 2},
    "objective": {"name": "selbo"},
    "optimiser": {"name": "sign", "lr": 0.1},
    "engine": {"name": "forgetful", "flip": 0.1},
    "estimator": {"name": "spsa", "shots": 64},
    "steps": 4,
    "replicas": 2,
}


@pytest.fixture(autouse=True)
def added() -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(ANSATZE.holding(Star))
        stack.enter_context(ENGINES.holding(ForgetfulConfig))
        stack.enter_context(OPTIMISERS.holding(SignDescent))
        yield


def test_they_are_chosen_and_trained_on_train(fresh: Path) -> None:
    page = opened(config=link(CONFIG))
    chosen = {box.value: box.options for box in page.selectbox}
    for variant in (Star, ForgetfulConfig, SignDescent):
        assert variant.label in chosen[variant.variant_name()]
    assert [box.value for box in (*page.slider, *page.number_input) if box.label == "Flips"] == [0.1]
    page = ended(press(page, "train.train"))
    assert not page.error
    assert title(page, "circuit").startswith("Circuit: Star")
    assert "step 4" in charts(page)["loss"]["alt"]
    assert "2 × star" in words(page).lower() or "star × 2" in words(page).lower()


def test_an_engine_that_only_draws_is_refused_what_it_cannot_give(fresh: Path) -> None:
    page = opened(config=link(CONFIG | {"estimator": {"name": "adjoint"}}))
    assert "which engine 'forgetful' does not give" in words(page, "error")


def test_they_are_found_on_the_other_pages(fresh: Path) -> None:
    run = str(ended(press(opened(config=link(CONFIG)), "train.train")).query_params["run"])
    assert list(opened("runs").dataframe[0].value["circuit"]) == ["star × 2"]
    explore = opened("explore", run=run)
    until(explore, lambda: drawn(explore, "posterior"))
    hardware = opened("hardware", run=run)
    until(hardware, lambda: drawn(hardware, "shots-histogram"))
    assert not explore.error
    assert not hardware.error
