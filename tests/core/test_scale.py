"""The scale study: cells are run once, rivals and circuits side by side, and conclusions say what the points say."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from qhn_core.studies.scale.cells import FULL, MAIN, QUICK, RIVALS, SIZES, Grid, configuration
from qhn_core.studies.scale.point import Point
from qhn_core.studies.scale.report import conclusions, write
from qhn_core.studies.scale.run import LEDGER, _read, measured


def test_every_cell_has_a_run_that_spends_its_budget():
    for grid in (QUICK, FULL):
        assert len(set(grid.cells())) == len(grid.cells())
        for cell in grid.cells():
            config = configuration(cell, grid)
            assert config.network.n_bits == cell.size.bits
            assert config.steps * config.estimator.shots == cell.likelihoods
            assert config.replicas == config.data_draws == grid.seeds
    assert {cell.size.bits for cell in FULL.cells()} == {24, 40, 160, 640, 1184, 1998}
    assert {cell.chi for cell in FULL.cells()} == {0, 1, 2, 4, 8}
    assert FULL.seeds >= 5


def test_a_small_study_runs_once_and_is_written_down(tmp_path):
    grid = Grid((SIZES[0],), {}, elsewhere=160, seeds=2)
    ledger, points = tmp_path / LEDGER, []
    for cell in grid.cells():
        points += measured(cell, grid, ledger, _read(ledger))
    assert {p.method for p in points} == {"chain 1", "chain 2", *RIVALS}
    assert all(0.0 <= p.accuracy <= 1.0 and p.likelihoods == 160 for p in points)
    assert all((p.entropy is None) == (p.method == "logistic_regression") for p in points)
    before = ledger.read_text()
    ledger.write_text(before + '{"key": "cut off')
    again = [p for cell in grid.cells() for p in measured(cell, grid, ledger, _read(ledger))]
    assert again == points
    assert ledger.read_text() == before + '{"key": "cut off'
    partial = write(tmp_path, points[:-2], grid, load=1.0).read_text()
    assert "Not finished" in partial
    assert "Missing: 24 weights at 160 minibatch likelihoods: Logistic regression." in partial
    html = write(tmp_path, points, grid, load=1.0).read_text()
    assert "Not finished" not in html
    with (tmp_path / "scale.csv").open() as handle:
        assert len(list(csv.DictReader(handle))) == len(points)
    said = json.loads((tmp_path / "scale.json").read_text())["conclusions"]
    assert said == conclusions(points)
    assert len(said) == 6
    assert "24 weights, 160 minibatch likelihoods, χ = 2 against χ = 1: test accuracy" in html


@pytest.mark.parametrize(("gain", "verdict"), [(0.02, "better"), (-0.02, "worse"), (0.0, "no difference")])
def test_conclusions_are_whichever_way_the_points_lie(gain, verdict):
    base = Point(MAIN.bits, MAIN.title, "chain 1", 1, 0, 3000, 0.9, 0.5, 100.0, 1.0)
    noise = (0.001, -0.001, 0.002, -0.002, 0.0)
    points = [replace(base, seed=s, accuracy=0.9 + 0.01 * s) for s in range(5)]
    points += [
        replace(base, method="chain 2", chi=2, seed=s, accuracy=0.9 + 0.01 * s + gain + noise[s]) for s in range(5)
    ]
    tally, first = conclusions(points)
    assert f"of 1 comparisons with the circuit without bonds, test accuracy is better in {int(gain > 0)}" in tally
    assert f"worse in {int(gain < 0)}" in tally
    assert verdict in first
    assert f"test accuracy {gain:+.4f}" in first
