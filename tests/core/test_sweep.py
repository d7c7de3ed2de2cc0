"""Sweeps: every combination once, resumable, the same results in processes here and on a Dask cluster."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.errors import ConfigError, DeviceError
from qhn_core.studies import sweep as sweeps
from qhn_core.studies.executors import run_sweep
from qhn_core.studies.sweep import SweepConfig, SweepFolder

BASE = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 10},
    "network": {"name": "mlp", "layers": [2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "steps": 3,
    "replicas": 2,
}
SWEEP = {
    "base": BASE,
    "axes": {
        "objective.beta": {"start": 0.01, "end": 1.0, "count": 3, "log": True},
        "ansatz.layers": [1, 2],
    },
}


def folder_text(folder: SweepFolder) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.folder.glob("*.json"))}


def test_cells_are_every_combination_once():
    sweep = SweepConfig.parse(SWEEP)
    cells = sweep.cells()
    assert [c.point for c in cells[:3]] == [
        {"objective.beta": 0.01, "ansatz.layers": 1},
        {"objective.beta": 0.01, "ansatz.layers": 2},
        {"objective.beta": 0.1, "ansatz.layers": 1},
    ]
    assert len({c.key for c in cells}) == 6
    assert cells[1].config.ansatz.layers == 2
    assert cells[1].config.objective.beta == 0.01


def test_a_sweep_is_resumed_and_agrees_with_plain_training(tmp_path):
    sweep, folder = SweepConfig.parse(SWEEP), SweepFolder(tmp_path)
    seen = []
    assert run_sweep(sweep, folder, workers=2, progress=lambda done, total: seen.append((done, total))) == 6
    assert seen[0] == (0, 6)
    assert seen[-1] == (6, 6)
    before = folder_text(folder)
    lost = sweep.cells()[3]
    (folder.folder / f"{lost.key}.json").unlink()
    assert run_sweep(sweep, folder, workers=1) == 1
    assert folder_text(folder) == before
    row = sweeps.table(sweep, folder)[3]
    final = qhn.train(lost.config).history["predictive_nll_test"][-1]
    assert row["mean"] == pytest.approx(final.mean(), abs=1e-15)
    assert row["seeds"] == 2


def test_dask_gives_the_same_and_survives_a_lost_worker(tmp_path):
    from distributed import LocalCluster

    sweep = SweepConfig.parse(SWEEP | {"axes": {"seed": list(range(12))}})
    here, there = SweepFolder(tmp_path / "here"), SweepFolder(tmp_path / "there")
    run_sweep(sweep, here, workers=1)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:

        def lose_a_worker(done: int, total: int) -> None:
            if done == 2:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

        run_sweep(sweep, there, scheduler=cluster.scheduler_address, progress=lose_a_worker)
    assert folder_text(there) == folder_text(here)
    assert len(folder_text(here)) == 12


def test_no_scheduler_is_said(tmp_path):
    with pytest.raises(DeviceError, match=r"127\.0\.0\.1:9"):
        run_sweep(SweepConfig.parse(SWEEP), SweepFolder(tmp_path), scheduler="tcp://127.0.0.1:9", patience=0.2)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"axes": {}}, "axes"),
        ({"axes": {"objective.gamma_ray": [1]}}, "gamma_ray"),
        ({"axes": {"objective.beta": [-1.0]}}, "beta"),
        ({"axes": {"ansatz.layers": {"start": 1, "end": 2, "count": 100000}}}, "count"),
        ({"axes": {"seed": list(range(2000)), "steps": list(range(1, 10))}}, "combinations"),
        ({"axes": {"objective.beta": {"start": 0, "end": 1, "log": True}}}, "logarithmic"),
        ({"metric": "fame"}, "predictive_nll_test"),
    ],
)
def test_wrong_sweeps_are_refused_by_name(change, word):
    with pytest.raises((ConfigError, qhn.errors.InvalidArgument), match=word):
        SweepConfig.parse(SWEEP | change).cells()


def test_cells_hold_no_nan_and_are_plain_json(tmp_path):
    text = sweeps.run_cell(SweepConfig.parse(SWEEP).cells()[0].config.to_json())
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert np.isfinite(found["final"]["loss"]).all()
