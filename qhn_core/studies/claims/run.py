"""Run the grid and write the report: what ``python -m qhn_core reproduce`` calls."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qhn_core.checks import check_choice
from qhn_core.errors import StoreError
from qhn_core.studies.claims.conclusions import comparisons, overall, plain, sentences, summaries, tidy
from qhn_core.studies.claims.depth import DepthPoint, depth_points
from qhn_core.studies.claims.grid import CANDIDATES, GRIDS, Grid
from qhn_core.studies.claims.report import csv_text, html_text, json_text
from qhn_core.studies.claims.tuned import Outcome, outcomes

#: Called with (what has just been done, fraction of the whole).
Progress = Callable[[str, float], None]


def reproduce(grid: str, out: str | Path, *, progress: Progress | None = None) -> Path:
    """Run grid ``quick`` or ``full`` and write ``<grid>.html``, ``.csv`` and ``.json`` into ``out``.

    Returns:
        Path of the HTML report.

    Raises:
        StoreError: the folder cannot be written (checked before anything runs).
    """
    chosen = GRIDS[check_choice("grid", grid, GRIDS)]
    folder = _writable(Path(out))
    began, used = time.perf_counter(), time.process_time()
    found: list[Outcome] = []
    for i, scenario in enumerate(chosen.scenarios):
        found += outcomes(scenario, chosen)
        if progress is not None:
            progress(scenario.title, (i + 1) / (len(chosen.scenarios) + bool(chosen.depths)))
    depth = depth_points(chosen) if chosen.depths else []
    if progress is not None and depth:
        progress("success against depth", 1.0)
    spent = (time.perf_counter() - began, time.process_time() - used)
    write(folder, chosen, found, depth, spent)
    return folder / f"{grid}.html"


def write(folder: Path, grid: Grid, found: list[Outcome], depth: list[DepthPoint], spent: tuple[float, float]) -> None:
    """Write report, table and result; ``spent`` is (seconds, seconds of processor time)."""
    result = _result(grid, found, depth, spent)
    (folder / f"{grid.name}.csv").write_text(csv_text(tidy(found)), encoding="utf-8")
    (folder / f"{grid.name}.json").write_text(json_text(result), encoding="utf-8")
    (folder / f"{grid.name}.html").write_text(html_text(result, depth), encoding="utf-8")


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise StoreError(f"Cannot write into '{folder}': {error.strerror or error}. Choose another --out.") from error
    return folder


def _result(grid: Grid, found: list[Outcome], depth: list[DepthPoint], spent: tuple[float, float]) -> dict[str, Any]:
    compared = comparisons(found)
    rows = overall(compared)
    return {
        "about": _about(grid, spent),
        "conclusions": sentences(rows),
        "summaries": summaries(found),
        "depth": [asdict(p) | {"success": p.success.tolist(), "cost_gap": p.cost_gap.tolist()} for p in depth],
    } | plain(compared, rows)


def _about(grid: Grid, spent: tuple[float, float]) -> dict[str, Any]:
    return {
        "grid": grid.name,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": spent[0],
        "processor_seconds": spent[1],
        "cores": os.cpu_count(),
        "scenarios": len(grid.scenarios),
        "seeds": grid.seeds,
        "steps": grid.steps,
        "candidates": CANDIDATES,
        "versions": {"Python": platform.python_version()} | {p: version(p) for p in ("numpy", "numba", "torch")},
    }
