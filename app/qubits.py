"""From qubit to network: qubits to be turned, with their arrows, odds, weights and networks, all in the browser."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app.figures.palette import CLASSES, loss_colour
from qhn_core.lessons.outcome import Qubits

_SCRIPT = Path(__file__).resolve().parent.parent / "assets" / "qubits.js"
_HTML = '<div class="qhn-qubits"></div>'
_CSS = f"""
.qhn-qubits {{ width: 100%; color: var(--st-text-color); font: 15px var(--st-font); }}
.qhn-qubits svg {{ width: 100%; max-height: 330px; display: block; }}
.qhn-qubits svg.qhn-stacked {{ max-height: none; }}
.qhn-qubits text {{ fill: var(--st-text-color); font: 14px var(--st-font); }}
.qhn-sphere {{ fill: var(--st-secondary-background-color); stroke: var(--st-text-color); stroke-width: 1.5; }}
.qhn-equator {{ fill: none; stroke: var(--st-border-color); stroke-width: 1.5; stroke-dasharray: 4 4; }}
.qhn-arrow {{ stroke: {loss_colour("mle")}; stroke-width: 5; stroke-linecap: round; }}
.qhn-tip {{ fill: {loss_colour("mle")}; }}
.qhn-empty {{ fill: none; stroke: var(--st-border-color); }}
.qhn-full {{ fill: var(--st-primary-color); }}
.qhn-chosen {{ fill: var(--st-secondary-background-color); stroke: var(--st-primary-color); }}
.qhn-plus {{ fill: {CLASSES[0]}; }}
.qhn-minus {{ fill: {CLASSES[1]}; }}
.qhn-edge {{ stroke: var(--st-text-color); stroke-width: 2; }}
.qhn-qubits-bar {{ display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; }}
.qhn-qubits-bar label {{ display: flex; flex-direction: column; min-width: 170px; flex: 1; }}
.qhn-qubits-bar label.qhn-qubits-check {{ flex-direction: row; gap: 6px; align-items: center; }}
.qhn-qubits-bar input[type=range] {{ width: 100%; accent-color: var(--st-primary-color); }}
.qhn-qubits-bar button {{ font: 15px var(--st-font); color: var(--st-text-color); cursor: pointer; padding: 5px 12px;
  background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color); border-radius: 6px; }}
.qhn-qubits-bar button:disabled {{ opacity: .5; cursor: default; }}
.qhn-qubits-said {{ margin: 8px 0 0; font-weight: 600; }}
"""


@cache
def _component() -> Any:
    script = _SCRIPT.read_text(encoding="utf-8")
    return st.components.v2.component("qhn_qubits", html=_HTML, css=_CSS, js=script, isolate_styles=False)


def qubits(picture: Qubits, *, name: str, key: str, interactive: bool) -> None:
    """Mount the qubits of a picture; ``interactive``: whether they can be turned and measured, and show their odds."""
    data = {
        "name": name,
        "alt": picture.alt(),
        "angles": list(picture.angles),
        "coupled": picture.coupled,
        "interactive": interactive,
    }
    _component()(key=key, data=data, on_turned_change=_nothing)


def _nothing() -> None:
    """Turning changes nothing on the page around it."""
