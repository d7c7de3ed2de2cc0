"""Small static plots as SVG text, for a report that is one file and needs no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from qhn_core.objectives import OBJECTIVES

#: Okabe–Ito colours, as everywhere in this project.
COLOURS = {name: OBJECTIVES[name].colour for name in OBJECTIVES.names()}
RIVAL_COLOUR = "#767676"


@dataclass(frozen=True)
class Interval:
    """A labelled mean with its interval."""

    label: str
    mean: float
    low: float
    high: float
    colour: str


def forest(intervals: Sequence[Interval], *, title: str, unit: str, zero: bool = True) -> str:
    """A forest plot: one row per interval, a line at zero where ``zero``."""
    known = [i for i in intervals if all(map(math.isfinite, (i.mean, i.low, i.high)))]
    if not known:
        return f"<p>{escape(title)}: no data.</p>"
    low = min(min(i.low for i in known), 0.0 if zero else math.inf)
    high = max(max(i.high for i in known), 0.0 if zero else -math.inf)
    pad = 0.05 * (high - low) or 1.0
    low, high = low - pad, high + pad
    left, width, row, top = 400, 400, 22, 34
    height = top + row * len(known) + 40

    def x(value: float) -> float:
        return left + width * (value - low) / (high - low)

    parts = [
        f'<svg viewBox="0 0 {left + width + 110} {height}" role="img" aria-label="{escape(title)}">',
        f'<text x="0" y="16" class="title">{escape(title)}</text>',
    ]
    bottom = top + row * len(known)
    for tick in ticks(low, high):
        parts.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top - 6}" y2="{bottom}" class="grid"/>')
        parts.append(f'<text x="{x(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{tick:g}</text>')
    if zero:
        parts.append(f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{top - 6}" y2="{bottom}" class="zero"/>')
    for n, item in enumerate(known):
        y = top + row * n + row / 2
        parts.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(item.label)}</text>')
        parts.append(
            f'<line x1="{x(item.low):.1f}" x2="{x(item.high):.1f}" y1="{y}" y2="{y}" '
            f'stroke="{item.colour}" stroke-width="2.5"/>'
        )
        parts.append(f'<circle cx="{x(item.mean):.1f}" cy="{y}" r="4.5" fill="{item.colour}"/>')
        parts.append(
            f'<text x="{left + width + 10}" y="{y + 4}">{item.mean:+.3f}</text>'
            if zero
            else f'<text x="{left + width + 10}" y="{y + 4}">{item.mean:.3f}</text>'
        )
    parts.append(f'<text x="{left + width / 2}" y="{bottom + 33}" text-anchor="middle">{escape(unit)}</text></svg>')
    return "\n".join(parts)


@dataclass(frozen=True)
class Line:
    """A labelled line with an interval at each point."""

    label: str
    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: str


def lines(series: Sequence[Line], *, title: str, x_label: str, y_label: str) -> str:
    """Lines with error bars on common axes, y from 0 to 1."""
    xs = sorted({v for line in series for v in line.x})
    if not xs:
        return f"<p>{escape(title)}: no data.</p>"
    left, top, width, height = 70, 56, 520, 240
    low, high = xs[0], max(xs[-1], xs[0] + 1)

    def px(value: float) -> float:
        return left + 20 + (width - 40) * (value - low) / (high - low)

    def py(value: float) -> float:
        return top + height * (1.0 - value)

    parts = [
        f'<svg viewBox="0 0 {left + width + 130} {top + height + 50}" role="img" aria-label="{escape(title)}">',
        f'<text x="0" y="16" class="title">{escape(title)}</text>',
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{py(tick)}" y2="{py(tick)}" class="grid"/>')
        parts.append(f'<text x="{left - 8}" y="{py(tick) + 4}" text-anchor="end">{tick:g}</text>')
    below = top + height + 16
    parts += [f'<text x="{px(value):.1f}" y="{below}" text-anchor="middle">{value:g}</text>' for value in xs]
    for n, line in enumerate(series):
        shift = 5.0 * (n - (len(series) - 1) / 2)
        points = " ".join(f"{px(a) + shift:.1f},{py(b):.1f}" for a, b in zip(line.x, line.mean, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="2"/>')
        for a, b, lo, hi in zip(line.x, line.mean, line.low, line.high, strict=True):
            at = px(a) + shift
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{py(max(lo, 0)):.1f}" y2="{py(min(hi, 1)):.1f}" '
                f'stroke="{line.colour}" stroke-width="1.5"/><circle cx="{at:.1f}" cy="{py(b):.1f}" r="4" '
                f'fill="{line.colour}"/>'
            )
        y = top + 14 + 20 * n
        parts.append(f'<text x="{left + width + 12}" y="{y}" fill="{line.colour}">{escape(line.label)}</text>')
    parts.append(f'<text x="{left + width / 2}" y="{top + height + 38}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(f'<text x="0" y="{top - 16}">{escape(y_label)}</text></svg>')
    return "\n".join(parts)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` round numbers between ``low`` and ``high``."""
    step = 10.0 ** math.floor(math.log10((high - low) / count))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= count + 1)
    first = math.ceil(low / step)
    return [round(step * k, 12) for k in range(first, math.floor(high / step) + 1)]
