"""One truth on every page: the same number for one run on Train, Runs and Compare, and named as what it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import services
from qhn_core.config import RunConfig
from qhn_core.metrics import METRICS
from qhn_core.runner import RunState
from qhn_core.studies.race.config import RaceConfig
from tests.app.pages import charts, drawn, opened, press, tiles, until, words

BASE: dict[str, Any] = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 40},
    "network": {"name": "mlp", "layers": [2, 2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "steps": 12,
    "seed": 3,
}


def raced(base: dict[str, Any]) -> tuple[str, str, list[str]]:
    """A race of one contender on Compare; head and row of its table, and the run that it was kept as."""
    race = RaceConfig.parse({"base": base, "contenders": [{"objective": {"name": "elbo", "beta": 0.3}}], "rivals": []})
    page = opened("compare", race=race.to_url())
    race_id = str(press(page, "race.train").query_params["raced"])
    status = services.races().wait(race_id, 120)
    assert status.run.state is RunState.FINISHED
    page.run()  # what stands there was drawn while the race went on
    until(page, lambda: drawn(page, "race-nll"))
    (row,) = [line for line in words(page).splitlines() if line.startswith("| **ELBO β=0.3** |")]
    (head,) = [line for line in words(page).splitlines() if line.startswith("| step 12")]
    return head, row, list(status.kept)


@pytest.mark.parametrize(("replicas", "draws"), [(5, 1), (6, 3), (1, 1)])
def test_the_same_number_stands_on_train_runs_and_compare(fresh: Path, replicas: int, draws: int) -> None:
    head, row, (run,) = raced(BASE | {"replicas": replicas, "data_draws": draws})
    compare = dict(zip((c.strip() for c in head.split("|")), (c.strip() for c in row.split("|")), strict=True))
    assert (f"step 12, means of {replicas}" if replicas > 1 else "step 12") in compare
    listed = opened("runs").dataframe[0].value.iloc[0]
    train = tiles(opened(run=run))
    mean = f", mean of {replicas}" if replicas > 1 else ""
    for name, column, tile in (
        ("accuracy_test", "accuracy", "Test accuracy"),
        ("kl_posterior", "kl", "KL to posterior"),
    ):
        metric = METRICS[name]
        truth = metric.text(float(services.store().history(run).history[name][-1].mean()))
        assert compare[metric.short] == truth
        assert metric.text(listed[column]) == truth
        assert train[f"{tile}{mean}"].removesuffix(" nats") == truth
    assert metric.text(listed["nll"]) != ""
    assert RunConfig.parse(services.store().get(run).config.to_dict()).replicas == replicas


def test_a_tile_tells_the_interval_over_independent_units(fresh: Path) -> None:
    _, _, (run,) = raced(BASE | {"replicas": 6, "data_draws": 3})
    page = opened(run=run)
    accuracy = next(tile for tile in page.metric if tile.label.startswith("Test accuracy"))
    assert "95 % interval of the mean over 3 draws of the data" in accuracy.help


def test_effective_networks_lie_within_their_interval_and_the_gap_is_that_of_the_starts(fresh: Path) -> None:
    _, _, (run,) = raced(BASE | {"replicas": 6})
    page = opened(run=run)
    until(page, lambda: drawn(page, "gap"))
    history = services.store().history(run).history
    tile = next(tile for tile in page.metric if tile.label.startswith("Effective networks"))
    assert tile.label == "Effective networks, typical of 6"
    assert float(tile.value) == pytest.approx(2.0 ** history["entropy_bits"][-1].mean(), rel=0.01)
    low, high = re.search(r"In networks: ([\d.]+) … ([\d.]+)\.", tile.help).groups()
    assert float(low) < float(tile.value) < float(high)
    gap = np.median(history["predictive_nll_test"][-1] - history["predictive_nll_train"][-1])
    figure = charts(page)["gap"]["figure"]
    assert f"Median generalisation gap {gap:+.3f}".replace("-", "−") in figure["layout"]["title"]["text"]
    title = charts(page)["circuit"]["figure"]["layout"]["title"]["text"]
    assert re.search(r"angles.*start \d, median loss", title), "the angles drawn are one start's"
