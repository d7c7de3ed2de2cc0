"""The scale study's report: what was measured, in words and tables, whichever way it came out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from html import escape
from pathlib import Path

import numpy as np

from qhn_core.analysis.statistics import mean_interval
from qhn_core.baselines import BASELINES
from qhn_core.studies.claims.report import STYLE, csv_text, json_text
from qhn_core.studies.scale.cells import BATCH, BETA, CHAIN, DRAWS, MAIN, Grid
from qhn_core.studies.scale.point import Point

#: With what each best circuit is compared: one network trained by gradients, independent weights drawn without a
#: circuit and with gradients passed through, and what real weights reach.
REFERENCES = ("straight_through", "mean_field", "bayesbinn", "logistic_regression")


def write(folder: Path, points: list[Point], grid: Grid, *, load: float) -> Path:
    """Write HTML, CSV and JSON; returns the HTML's path."""
    said = conclusions(points)
    (folder / "scale.csv").write_text(csv_text([asdict(p) for p in points]), encoding="utf-8")
    done = {"cells": _count(points), "of": len(grid.cells()), "seeds": grid.seeds, "load": round(load, 1)}
    about = {**done, "batch": BATCH, "draws": DRAWS, "beta": BETA}
    plain = {"about": about, "conclusions": said, "points": [asdict(p) for p in points]}
    (folder / "scale.json").write_text(json_text(plain), encoding="utf-8")
    (folder / "scale.html").write_text(_html(points, grid, said, load), encoding="utf-8")
    return folder / "scale.html"


def _count(points: list[Point]) -> int:
    return len({(p.bits, p.method, p.likelihoods) for p in points})


def conclusions(points: list[Point]) -> list[str]:
    """In words: does entanglement earn anything, and where do the rivals stand; seed by seed at equal budgets."""
    said, verdicts = [], []
    for bits, budget in sorted({(p.bits, p.likelihoods) for p in points}):
        part = _by_method(p for p in points if (p.bits, p.likelihoods) == (bits, budget))
        head = f"{bits} weights, {budget:,} minibatch likelihoods"
        circuits = [method for method in part if method.startswith(CHAIN)]
        for method in circuits[1:]:
            words, verdict = _compared(part[method], part[circuits[0]])
            said.append(f"{head}, χ = {_chi(part[method])} against χ = {_chi(part[circuits[0]])}: {words}.")
            verdicts.append(verdict)
        if not circuits:
            continue
        best = max(circuits, key=lambda method: _mean(part[method].values()))
        said += [
            f"{head}, the best of the circuits (χ = {_chi(part[best])}) against {_name(other)}: "
            f"{_compared(part[best], part[other])[0]}."
            for other in REFERENCES
            if other in part
        ]
    return [_tally(verdicts), *said] if verdicts else said


def _tally(verdicts: list[int]) -> str:
    """What bonds earned over all networks and budgets."""
    better, worse = verdicts.count(1), verdicts.count(-1)
    return (
        f"Entanglement: of {len(verdicts)} comparisons with the circuit without bonds, test accuracy is better in "
        f"{better}, worse in {worse}, and {len(verdicts) - better - worse} show no difference."
    )


def _compared(mine: dict[int, Point], theirs: dict[int, Point]) -> tuple[str, int]:
    """In words, and as 1 (better), −1 (worse) or 0 (not shown)."""
    seeds = sorted(set(mine) & set(theirs))
    gain = np.array([mine[s].accuracy - theirs[s].accuracy for s in seeds])
    found = mean_interval(gain)
    if len(gain) < 2 or not np.isfinite([found.low, found.high]).all():
        return f"test accuracy {gain.mean():+.4f}, one seed", 0
    verdict = int(found.low > 0) - int(found.high < 0)
    words = {1: "better", -1: "worse", 0: f"no difference that {len(gain)} seeds show"}[verdict]
    return f"test accuracy {gain.mean():+.4f} (95 % interval {found.low:+.4f} to {found.high:+.4f}): {words}", verdict


def _chi(seeds: dict[int, Point]) -> int:
    return next(iter(seeds.values())).chi


def _name(method: str) -> str:
    return method if method.startswith(CHAIN) else BASELINES.make(method).label


def _by_method(points: Iterable[Point]) -> dict[str, dict[int, Point]]:
    """Method -> seed -> point."""
    found: dict[str, dict[int, Point]] = {}
    for p in points:
        found.setdefault(p.method, {})[p.seed] = p
    return found


def _mean(points: Iterable[Point]) -> float:
    return float(np.mean([p.accuracy for p in points]))


def _html(points: list[Point], grid: Grid, said: list[str], load: float) -> str:
    listed = "".join(f"<li>{escape(sentence)}</li>" for sentence in said)
    parts = [
        "<h1>Hundreds and thousands of weights: what was measured</h1>",
        f"<p>Scikit-learn's 8×8 digits, {grid.seeds} seeds (each its own split, start and draws), circuit "
        f"<code>chain</code> with χ = 2^(layers − 1), exact simulation by bonds, ELBO with β = {BETA}. A step draws "
        f"{DRAWS} networks and looks at {BATCH} training examples: {DRAWS} minibatch likelihoods; the learning rate "
        "falls along the whole of each budget. Accuracy and NLL are of the mean prediction of 256 drawn networks, or "
        "of the one network with which a rival ends. Rivals have their default settings but for β, and as many "
        "minibatch likelihoods: a gradient counts as one, a look at all n examples as n / batch; logistic regression, "
        "whose weights are real, is solved to convergence. Of the networks' output scale two values were tried "
        "with the circuit χ = 1, 640 weights and the first seed (1/8 and 1/4), and nothing else was tuned. "
        "Intervals are 95 %, over seeds, each for itself: about one comparison in twenty would stand out by chance. "
        "Seconds are a seed's share by the clock, whatever else the machine did then (a load of "
        f"{load:.0f} when this was written): they do not rank methods.</p>",
        _unfinished(points, grid) + f"<h2>Conclusions</h2><ul>{listed}</ul>",
        "<h2>All methods</h2>",
        _table(points),
        f"<h2>Test accuracy against the budget, {MAIN.bits} weights</h2>",
        _curve([p for p in points if p.bits == MAIN.bits]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>QHN Lab: a thousand weights</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _unfinished(points: list[Point], grid: Grid) -> str:
    """What is missing of a study that was interrupted, or has not ended yet."""
    known = {(p.bits, p.method, p.likelihoods) for p in points}
    missing: dict[str, list[str]] = {}
    for cell in grid.cells():
        if (cell.size.bits, cell.method, cell.likelihoods) not in known:
            head = f"{cell.size.bits} weights at {cell.likelihoods:,} minibatch likelihoods"
            missing.setdefault(head, []).append(_name(cell.method))
    if not missing:
        return ""
    listed = "; ".join(f"{head}: {', '.join(names)}" for head, names in missing.items())
    return (
        f"<p><strong>Not finished:</strong> {len(known)} of the grid's {len(grid.cells())} cells (a method on a "
        f"network at a budget) have been measured. Missing: {escape(listed)}.</p>"
    )


def _table(points: list[Point]) -> str:
    rows = []
    for bits, budget in sorted({(p.bits, p.likelihoods) for p in points}):
        part = [p for p in points if (p.bits, p.likelihoods) == (bits, budget)]
        for method, seeds in _by_method(part).items():
            held = list(seeds.values())
            entropies = [p.entropy for p in held if p.entropy is not None]
            cells = (
                part[0].network,
                str(bits),
                f"{budget:,}",
                f"{_name(method)}, χ = {held[0].chi}" if held[0].chi else _name(method),
                str(len(held)),
                _interval([p.accuracy for p in held]),
                _interval([p.nll for p in held]),
                f"{np.mean(entropies):.0f}" if entropies else "–",
                f"{np.mean([p.seconds for p in held]):.1f}",
            )
            rows.append("".join(f"<td>{escape(cell)}</td>" for cell in cells))
    heads = (
        "network",
        "weights",
        "minibatch likelihoods",
        "method",
        "seeds",
        "test accuracy",
        "test NLL, nats",
        "entropy, bits",
        "seconds",
    )
    return _rows(heads, rows)


def _curve(points: list[Point]) -> str:
    budgets = sorted({p.likelihoods for p in points})
    rows = []
    for method, seeds in _by_method(points).items():
        chi = _chi(seeds)
        cells = [f"<td>{escape(_name(method) + (f', χ = {chi}' if chi else ''))}</td>"]
        for budget in budgets:
            held = [p.accuracy for p in points if p.method == method and p.likelihoods == budget]
            cells.append(f"<td>{escape(_interval(held) if held else '–')}</td>")
        rows.append("".join(cells))
    return _rows(("method", *(f"{budget:,} minibatch likelihoods" for budget in budgets)), rows)


def _interval(values: list[float]) -> str:
    found = mean_interval(np.array(values))
    if len(values) < 2:
        return f"{values[0]:.4f}"
    return f"{np.mean(values):.4f} ({found.low:.4f} to {found.high:.4f})"


def _rows(heads: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(f"<tr>{r}</tr>" for r in rows)}</table></div>'
