"""Run the scale study and write its report; finished trials are kept, so that an interrupted study goes on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qhn_core import trainer
from qhn_core.errors import StoreError
from qhn_core.problems.problem import problem
from qhn_core.studies.scale import rivals
from qhn_core.studies.scale.cells import BATCH, DRAWS, FULL, MAIN, QUICK, RIVALS, Grid, Size, configuration
from qhn_core.studies.scale.point import Point

#: Every finished trial.
LEDGER = "scale-trials.jsonl"
Progress = Callable[[str, float], None]


def scale(out: str | Path, *, quick: bool = False, progress: Progress | None = None) -> Path:
    """Run the study in ``out`` and write ``scale.html``, ``.csv`` and ``.json`` there.

    Args:
        out: folder, made where it is missing; trials found there are not run again.
        quick: two sizes, two seeds and few steps: some minutes on two cores; else all sizes and five seeds.
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
    trials = list(_trials(grid))
    points: list[Point] = []
    for done, (size, method, seed) in enumerate(trials):
        key = f"{size.layers} {size.digits} {method} {seed} {grid.steps} {grid.logged}"
        if key not in known:
            known[key] = [asdict(p) for p in _trial(size, method, seed, grid)]
            with (folder / LEDGER).open("a", encoding="utf-8") as ledger:
                ledger.write(json.dumps({"key": key, "points": known[key]}) + "\n")
        points += [Point(**p) for p in known[key]]
        if progress is not None:
            progress(f"{size.title}: {method}, seed {seed}", (done + 1) / len(trials))
    return write(folder, points, grid, load=os.getloadavg()[0])


def _trials(grid: Grid) -> Iterator[tuple[Size, str, int]]:
    """The main network first, and one seed of everything before the next: an interrupted study is balanced."""
    others = tuple(size for size in grid.sizes if size != MAIN)
    for sizes in ((MAIN,), others):
        for seed in range(grid.seeds):
            for size in sizes:
                for method in (*(f"chain {layers}" for layers in grid.depths(size)), *RIVALS):
                    yield size, method, seed


def _trial(size: Size, method: str, seed: int, grid: Grid) -> list[Point]:
    if method.startswith("chain"):
        return _circuit(size, int(method.split()[1]), seed, grid)
    config = configuration(size, 1, seed, grid)
    task = problem(config.network, config.dataset, config.prior, tabulate=False)
    start, likelihoods = time.perf_counter(), grid.steps * DRAWS
    accuracy, nll = rivals.run(method, task, likelihoods=likelihoods, batch=BATCH, seed=seed)
    seconds = time.perf_counter() - start
    return [Point(size.bits, size.title, method, 0, seed, likelihoods, accuracy, nll, 0.0, seconds)]


def _circuit(size: Size, layers: int, seed: int, grid: Grid) -> list[Point]:
    setup = trainer.prepare(configuration(size, layers, seed, grid))
    state, points, start = trainer.init(setup), [], time.perf_counter()
    while not state.done:
        state, info = trainer.step(setup, state)
        if info.row is None or info.step == 0:
            continue
        row = {name: float(values[0]) for name, values in info.row.items()}
        points.append(
            Point(
                size.bits,
                size.title,
                f"chain {layers}",
                2 ** (layers - 1),
                seed,
                info.step * DRAWS,
                row["accuracy_test"],
                row["predictive_nll_test"],
                row["entropy_bits"],
                time.perf_counter() - start,
            )
        )
    return points


def _read(ledger: Path) -> dict[str, list[dict[str, Any]]]:
    """Trials of a former run; a line cut off by its end is left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    if ledger.exists():
        for line in ledger.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                found[row["key"]] = row["points"]
            except (ValueError, KeyError):
                continue
    return found
