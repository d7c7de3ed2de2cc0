"""Run a study and write its report: what ``python -m qhn_core reproduce`` calls."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qhn_core.checks import check_choice
from qhn_core.errors import StoreError
from qhn_core.studies.claims.ledger import Ledger
from qhn_core.studies.claims.report import csv_text, html_text, json_text, plain
from qhn_core.studies.claims.study import STUDIES, Findings, tidy, tidy_depth
from qhn_core.studies.claims.tuned import Progress

#: Every finished trial, in the folder of the report: an interrupted study goes on from there.
LEDGER = "trials.jsonl"


def reproduce(name: str, out: str | Path, *, progress: Progress | None = None) -> Path:
    """Run a study and write ``<name>.html``, ``.csv`` and ``.json`` (and ``<name>-depth.csv``) into ``out``.

    Trials are kept in ``out`` as they finish, and are not run again by the same or another study in that folder.

    Args:
        name: of one of :data:`~qhn_core.studies.claims.study.STUDIES`.
        out: folder, made where it is missing.
        progress: called with what has just been done, and the fraction of the whole.

    Returns:
        Path of the HTML report.

    Raises:
        StoreError: the folder cannot be written (checked before anything runs).
    """
    work, _ = STUDIES[check_choice("study", name, STUDIES)]
    folder = _writable(Path(out))
    found = work(Ledger(folder / LEDGER), progress)
    write(folder, found)
    return folder / f"{name}.html"


def write(folder: Path, found: Findings) -> None:
    """Write report, tables and result."""
    about = _about(found)
    files = {
        f"{found.name}.csv": csv_text(tidy(found.tables())),
        f"{found.name}.json": json_text(plain(found, about)),
        f"{found.name}.html": html_text(found, about),
    }
    if found.depth:
        files[f"{found.name}-depth.csv"] = csv_text(tidy_depth(found.depth))
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise StoreError(f"Cannot write into '{folder}': {error.strerror or error}. Choose another --out.") from error
    return folder


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _about(found: Findings) -> dict[str, Any]:
    parts = found.tables()
    grids = {name: part.grid for name, part in parts.items()}
    scope = "; ".join(
        f"{name}: {_counted(len(grid.scenarios), 'scenario')} from "
        f"{_counted(len({s.source for s in grid.scenarios}), 'source')}, {grid.seeds} seeds"
        + (f" × {grid.starts} starts" if grid.starts > 1 else "")
        + f", {grid.steps} steps"
        for name, grid in grids.items()
    )
    spent: dict[str, float] = {}  # tables share trials of rivals
    for part in parts.values():
        spent |= part.tuned.spent if part.tuned is not None else {}
    return {
        "study": found.name,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "scope": scope + ".",
        "duration": STUDIES[found.name][1],
        "trials": len(spent),
        "trial_seconds": sum(spent.values()),
        "cores": os.cpu_count(),
        "load": f"{os.getloadavg()[0]:.1f}",
        "seeds": {
            scenario.title: f"{scenario.seed} to {scenario.seed + grid.seeds - 1}"
            for grid in grids.values()
            for scenario in grid.scenarios
        },
        "versions": {"Python": platform.python_version()} | {p: version(p) for p in ("numpy", "numba", "torch")},
    }
