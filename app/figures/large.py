"""A figure for the projector: letters, lines and margins larger by one factor, the data as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.figures.plain import Figure

#: Numbers in pixels, by where they stand: the name of the mapping -> the names in it.
_PIXELS: Mapping[str, frozenset[str]] = {
    "margin": frozenset("lrtb"),
    "pad": frozenset("lrtb"),
    "line": frozenset({"width"}),
    "marker": frozenset({"size"}),
    "legend": frozenset({"itemwidth"}),
    "meta": frozenset({"unit"}),
}
_LETTERS = re.compile(r"font-size:\s*(\d+(?:\.\d+)?)px")


def enlarge(figure: Mapping[str, Any], factor: float) -> Figure:
    """The figure with fonts, lines, markers, margins and shifts of annotations ``factor`` times as large.

    Args:
        figure: with ``data`` and ``layout``; it is not changed.
        factor: 1 leaves all as it is.
    """
    return dict(figure) if factor == 1.0 else _larger(figure, "", factor)


def _larger(value: Any, place: str, factor: float) -> Any:
    if isinstance(value, Mapping):
        return {key: _entry(item, place, key, factor) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        return [_larger(item, place, factor) for item in value]
    if isinstance(value, str) and "font-size" in value:
        return _LETTERS.sub(lambda found: f"font-size:{factor * float(found[1]):.0f}px", value)
    return value


def _entry(item: Any, place: str, key: str, factor: float) -> Any:
    measured = key in _PIXELS.get(place, ()) or (place.endswith("font") and key == "size")
    measured = measured or key in ("standoff", "xshift", "yshift")
    if measured and isinstance(item, (int, float)) and not isinstance(item, bool):
        return factor * item
    return _larger(item, key, factor)
