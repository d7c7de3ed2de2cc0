"""The scale study's report: what was measured, in words and tables, whichever way it came out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from html import escape
from pathlib import Path

import numpy as np

from qhn_core.analysis.statistics import mean_interval
from qhn_core.studies.claims.report import _STYLE, csv_text, json_text
from qhn_core.studies.scale.cells import BATCH, DRAWS, MAIN, Grid
from qhn_core.studies.scale.point import Point

_NAMES = {
    "straight_through": "straight-through (one network)",
    "simulated_annealing": "simulated annealing (one network)",
    "logistic_regression": "logistic regression (real weights)",
}


def write(folder: Path, points: list[Point], grid: Grid, *, load: float) -> Path:
    """Write HTML, CSV and JSON; returns the HTML's path."""
    said = conclusions(points)
    (folder / "scale.csv").write_text(csv_text([asdict(p) for p in points]), encoding="utf-8")
    about = {"seeds": grid.seeds, "steps": grid.steps, "batch": BATCH, "draws": DRAWS, "load": round(load, 1)}
    plain = {"about": about, "conclusions": said, "points": [asdict(p) for p in points]}
    (folder / "scale.json").write_text(json_text(plain), encoding="utf-8")
    (folder / "scale.html").write_text(_html(points, grid, said, load), encoding="utf-8")
    return folder / "scale.html"


def conclusions(points: list[Point]) -> list[str]:
    """In words: does entanglement earn anything, and where do the rivals stand."""
    said = []
    for bits in sorted({p.bits for p in points}):
        part = _last([p for p in points if p.bits == bits])
        product = part.get("chain 1")
        if product is None:
            continue
        for method, there in part.items():
            if not method.startswith("chain") or method == "chain 1":
                continue
            seeds = sorted(set(there) & set(product))
            gain = np.array([there[s].accuracy - product[s].accuracy for s in seeds])
            said.append(f"{bits} weights, χ = {there[seeds[0]].chi} against χ = 1: {_compared(gain)}.")
        rival = part.get("straight_through")
        best = max((m for m in part if m.startswith("chain")), key=lambda m: _mean(part[m].values()))
        if rival is not None:
            seeds = sorted(set(part[best]) & set(rival))
            gain = np.array([part[best][s].accuracy - rival[s].accuracy for s in seeds])
            said.append(
                f"{bits} weights, {best} (the best of the circuits) against straight-through: {_compared(gain)}."
            )
    return said


def _compared(gain: np.ndarray) -> str:
    found = mean_interval(gain)
    if len(gain) < 2 or not np.isfinite([found.low, found.high]).all():
        return f"test accuracy {gain.mean():+.3f}, one seed"
    verdict = "no difference that five seeds would show" if len(gain) >= 5 else "no difference that these seeds show"
    if found.low > 0:
        verdict = "better"
    elif found.high < 0:
        verdict = "worse"
    return f"test accuracy {gain.mean():+.4f} (95 % interval {found.low:+.4f} to {found.high:+.4f}): {verdict}"


def _last(points: Iterable[Point]) -> dict[str, dict[int, Point]]:
    """Method -> seed -> the point at its largest budget."""
    found: dict[str, dict[int, Point]] = {}
    for p in points:
        held = found.setdefault(p.method, {}).get(p.seed)
        if held is None or p.likelihoods >= held.likelihoods:
            found[p.method][p.seed] = p
    return found


def _mean(points: Iterable[Point]) -> float:
    return float(np.mean([p.accuracy for p in points]))


def _html(points: list[Point], grid: Grid, said: list[str], load: float) -> str:
    listed = "".join(f"<li>{escape(sentence)}</li>" for sentence in said)
    parts = [
        "<h1>Hundreds and thousands of weights: what was measured</h1>",
        f"<p>Scikit-learn's 8×8 digits, {grid.seeds} seeds (each its own split, start and draws), circuit "
        "<code>chain</code> with χ = 2^(layers − 1), exact simulation by bonds, ELBO with β = .03. A step draws "
        f"{DRAWS} networks and looks at {BATCH} training examples: {DRAWS} minibatch likelihoods; {grid.steps} steps. "
        "Accuracy and NLL are of the mean prediction of 256 drawn networks; rivals but logistic regression end with "
        "one network, at as many minibatch likelihoods (annealing counts a look at all examples as so many). Intervals "
        f"are 95 %, over seeds. Seconds at a load of {load:.0f}.</p>",
        f"<h2>Conclusions</h2><ul>{listed}</ul>",
        "<h2>At the end of the budget</h2>",
        _table(points),
        f"<h2>Against the budget, {MAIN.bits} weights</h2>",
        _curve([p for p in points if p.bits == MAIN.bits and p.chi]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>QHN Lab: a thousand weights</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _table(points: list[Point]) -> str:
    rows = []
    for bits in sorted({p.bits for p in points}):
        part = [p for p in points if p.bits == bits]
        for method, seeds in _last(part).items():
            held = list(seeds.values())
            name = _NAMES.get(method, f"{method}, χ = {held[0].chi}")
            cells = (
                part[0].network,
                str(bits),
                name,
                str(len(held)),
                _interval([p.accuracy for p in held]),
                _interval([p.nll for p in held]),
                f"{np.mean([p.seconds for p in held]):.1f}",
            )
            rows.append("".join(f"<td>{escape(cell)}</td>" for cell in cells))
    heads = ("network", "weights", "method", "seeds", "test accuracy", "test NLL, nats", "seconds")
    return _rows(heads, rows)


def _curve(points: list[Point]) -> str:
    budgets = sorted({p.likelihoods for p in points})
    methods = sorted({p.method for p in points})
    rows = []
    for budget in budgets:
        cells = [f"<td>{budget}</td>"]
        for method in methods:
            held = [p.accuracy for p in points if p.method == method and p.likelihoods == budget]
            cells.append(f"<td>{escape(_interval(held) if held else '')}</td>")
        rows.append("".join(cells))
    return _rows(("minibatch likelihoods", *(f"{m}: test accuracy" for m in methods)), rows)


def _interval(values: list[float]) -> str:
    found = mean_interval(np.array(values))
    if len(values) < 2:
        return f"{values[0]:.4f}"
    return f"{np.mean(values):.4f} ({found.low:.4f} to {found.high:.4f})"


def _rows(heads: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(f"<tr>{r}</tr>" for r in rows)}</table></div>'
