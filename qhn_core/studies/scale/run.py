"""Run the scale study and write its report after every cell; finished cells are kept: an interrupted study goes on."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qhn_core import trainer
from qhn_core.analysis.metrics import Metrics
from qhn_core.errors import StoreError
from qhn_core.studies.rivals import score_rivals
from qhn_core.studies.scale.cells import BATCH, FULL, QUICK, RIVALS, Cell, Grid, configuration
from qhn_core.studies.scale.point import Point

#: Every finished cell.
LEDGER = "scale-trials.jsonl"
Progress = Callable[[str, float], None]


def scale(out: str | Path, *, quick: bool = False, progress: Progress | None = None) -> Path:
    """Run the study in ``out`` and write ``scale.html``, ``.csv`` and ``.json`` there.

    Args:
        out: folder, made where it is missing; cells found there are not run again.
        quick: two networks, two seeds and one small budget: some minutes on two cores; else all of them, five seeds.
        progress: called with what has just been done, and the fraction of the whole.

    Returns:
        Path of the HTML report.
    """
    from qhn_core.studies.scale.report import write

    grid, folder = (QUICK if quick else FULL), Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = _read(folder / LEDGER)
    except OSError as error:
        raise StoreError(f"Cannot write into '{folder}': {error.strerror or error}. Choose another --out.") from error
    cells = grid.cells()
    points: list[Point] = []
    for done, cell in enumerate(cells, start=1):
        points += measured(cell, grid, folder / LEDGER, known)
        report = write(folder, points, grid, load=os.getloadavg()[0])
        if progress is not None:
            progress(f"{cell.size.title}: {cell.method}, {cell.likelihoods}", done / len(cells))
    return report


def measured(cell: Cell, grid: Grid, ledger: Path, known: dict[str, list[dict[str, Any]]]) -> list[Point]:
    """The points of a cell, which is run and noted in the ledger unless it is known."""
    key = json.dumps([*asdict(cell.size).values(), cell.method, cell.likelihoods, grid.seeds])
    if key not in known:
        known[key] = [asdict(p) for p in (_circuit(cell, grid) if cell.layers else _rival(cell, grid))]
        with ledger.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"key": key, "points": known[key]}) + "\n")
    return [Point(**p) for p in known[key]]


def _circuit(cell: Cell, grid: Grid) -> list[Point]:
    setup = trainer.prepare(configuration(cell, grid))
    state, start = trainer.init(setup), time.perf_counter()
    while not state.done:
        state, info = trainer.step(setup, state)
    assert info.row is not None  # noqa: S101 -- the last step is always logged
    return _points(cell, info.row, (time.perf_counter() - start) / grid.seeds)


def _rival(cell: Cell, grid: Grid) -> list[Point]:
    task = trainer.prepare(configuration(cell, grid)).problem
    budget = round(cell.likelihoods * BATCH / task.n_train)
    (score,) = score_rivals(
        [RIVALS[cell.method]], task, Metrics(task), replicas=grid.seeds, evaluations=budget, batch=BATCH
    )
    return _points(cell, score.row, score.seconds)


def _points(cell: Cell, row: dict[str, Any], seconds: float) -> list[Point]:
    size, found = cell.size, []
    for seed in range(len(row["accuracy_test"])):
        accuracy, nll, entropy = (
            float(row[name][seed]) for name in ("accuracy_test", "predictive_nll_test", "entropy_bits")
        )
        known = entropy if math.isfinite(entropy) else None
        what = (size.bits, size.title, cell.method, cell.chi, seed, cell.likelihoods)
        found.append(Point(*what, accuracy, nll, known, seconds))
    return found


def _read(ledger: Path) -> dict[str, list[dict[str, Any]]]:
    """Cells of a former run; a line cut off by its end is left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    if ledger.exists():
        for line in ledger.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                found[row["key"]] = row["points"]
            except (ValueError, KeyError):
                continue
    return found
