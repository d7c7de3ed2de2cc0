"""Axes on which people draw how a curve goes on, before they are shown how it did."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_SCRIPT = Path(__file__).resolve().parent.parent / "assets" / "draw_curve.js"
_HTML = """
<div class="qhn-draw">
  <svg tabindex="0" role="application"></svg>
  <button type="button">clear</button>
</div>
"""
_CSS = """
.qhn-draw { position: relative; width: 100%; color: var(--st-text-color); }
.qhn-draw svg { width: 100%; display: block; touch-action: none; cursor: crosshair; user-select: none; }
.qhn-draw[data-locked=true] svg { cursor: default; touch-action: auto; }
.qhn-draw svg:focus-visible { outline: 2px solid var(--st-primary-color); border-radius: 4px; }
.qhn-draw button { position: absolute; right: 4px; top: 0; font: 13px var(--st-font); color: var(--st-text-color);
  background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color); border-radius: 4px;
  padding: 2px 9px; cursor: pointer; }
.qhn-draw button[hidden] { display: none; }
.qhn-grid { stroke: var(--st-border-color); stroke-width: 1; }
.qhn-tick { fill: var(--st-text-color); font: 14px var(--st-font); }
.qhn-ask { fill: var(--st-text-color); font: 18px var(--st-font); opacity: .75; pointer-events: none; }
.qhn-field { fill: var(--st-primary-color); opacity: .09; }
.qhn-known, .qhn-drawn { fill: none; stroke-width: 3; stroke-linejoin: round; stroke-linecap: round; }
.qhn-drawn { stroke-width: 4; }
"""
#: What is drawn by hand: a colour that no loss has, readable in both themes.
MINE = "#8C4FD1"


@cache
def _component() -> Any:
    script = _SCRIPT.read_text(encoding="utf-8")
    return st.components.v2.component("qhn_draw_curve", html=_HTML, css=_CSS, js=script, isolate_styles=False)


def draw_curve(data: dict[str, Any], *, key: str) -> Any:
    """Mount the axes; returns what was drawn: heights at equally far places, None where nothing was, or None.

    Args:
        data: ``name`` (for ``data-chart``), ``alt``, ``height``; ``x`` and ``y`` ranges; ``start``, ``end`` and
            ``points`` of what is to be drawn; ``known`` curves and, once locked, the ``truth``, each with ``name``,
            ``x``, ``y``, ``colour``, ``dashed``; ``drawn`` heights to begin with; ``locked``; ``animate``; ``labels``
            of both axes and of the own curve.
        key: identity on the page.
    """
    payload = {**data, "colours": {"mine": MINE}}
    return _component()(key=key, data=payload, default={"drawn": None}, on_drawn_change=_nothing).drawn


def _nothing() -> None:
    """The page is drawn anew, and reads what was drawn."""
