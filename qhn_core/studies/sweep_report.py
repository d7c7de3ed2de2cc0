"""The table of a sweep as CSV, and as a heat map in one self-contained HTML file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from qhn_core.errors import StoreError
from qhn_core.metrics import METRICS
from qhn_core.objectives import OBJECTIVES
from qhn_core.studies.claims.report import csv_text
from qhn_core.studies.sweep import SweepConfig

Rows = Sequence[dict[str, Any]]
_LIGHT, _DARK = (247, 251, 255), (8, 69, 148)


def write_report(sweep: SweepConfig, rows: Rows, out: str | Path) -> Path:
    """Write ``sweep.csv`` and ``sweep.html`` into ``out``; returns the path of the latter."""
    folder = Path(out)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>QHN Lab: sweep</title><style>'
        "body{font:16px system-ui,sans-serif;margin:2rem}table{border-collapse:collapse;margin:1rem 0}"
        "td,th{padding:.4rem .7rem;text-align:center}</style></head><body>"
        f"<h1>{escape(METRICS[sweep.metric].title)}</h1>{''.join(heat_maps(sweep, rows))}</body></html>\n"
    )
    try:
        (folder / "sweep.csv").write_text(csv_text(rows), encoding="utf-8")
        (folder / "sweep.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"Cannot write into '{folder}': {error.strerror or error}.") from error
    return folder / "sweep.html"


def heat_maps(sweep: SweepConfig, rows: Rows) -> list[str]:
    """One table per combination of the third and later axes; the first axis runs down, the second across."""
    down, *others = sweep.axes
    across, rest = (others[0] if others else None), others[1:]
    finite = [row["mean"] for row in rows if math.isfinite(row["mean"])]
    span = (min(finite), max(finite)) if finite else (0.0, 1.0)
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[axis]) for axis in rest), []).append(row)
    better = METRICS[sweep.metric].better or "higher"
    return [_table(sweep, down, across, rest, key, found, span, better) for key, found in groups.items()]


def _table(
    sweep: SweepConfig,
    down: str,
    across: str | None,
    rest: Sequence[str],
    key: tuple[Any, ...],
    rows: Rows,
    span: tuple[float, float],
    better: str,
) -> str:
    cells = {(str(r[down]), str(r[across]) if across else ""): r for r in rows}
    values = [str(v) for v in sweep.values(across)] if across else [""]
    title = ", ".join(f"{axis} = {value}" for axis, value in zip(rest, key, strict=True))
    lines = [f"<h2>{escape(title)}</h2>" if title else "", "<table><tr>"]
    corner = f"{down} ↓, {across} →" if across else down
    lines.append(f"<th>{escape(corner)}</th>")
    lines += [f"<th>{escape(_said(across, v))}</th>" for v in sweep.values(across)] if across else ["<th></th>"]
    lines.append("</tr>")
    for value in sweep.values(down):
        lines.append(f"<tr><th>{escape(_said(down, value))}</th>")
        lines += [_cell(cells.get((str(value), other)), span, better) for other in values]
        lines.append("</tr>")
    return "".join([*lines, "</table>"])


def _said(axis: str, value: Any) -> str:
    """A varied value in words: a loss as plots call it."""
    return OBJECTIVES.parse(value).title if axis == "objective" else str(value)


def _cell(row: dict[str, Any] | None, span: tuple[float, float], better: str) -> str:
    if row is None or not math.isfinite(row["mean"]):
        return "<td>–</td>"
    share = (row["mean"] - span[0]) / (span[1] - span[0]) if span[1] > span[0] else 0.5
    share = 1.0 - share if better == "lower" else share
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(_LIGHT, _DARK, strict=True))
    ink = "#fff" if share > 0.5 else "#111"
    error = f" ± {row['standard_error']:.2g}" if math.isfinite(row["standard_error"]) else ""
    return f'<td style="background:rgb({red},{green},{blue});color:{ink}">{row["mean"]:.4g}{error}</td>'
