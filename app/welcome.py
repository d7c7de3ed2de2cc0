"""What a first visitor is told: three sentences and a picture. Closed once, it stays closed in that browser."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_SCRIPT = Path(__file__).resolve().parent.parent / "assets" / "welcome.js"
#: A qubit's arrow, the weight that its measurement gives, and the network of such weights.
_PICTURE = """
<svg viewBox="0 0 208 60" role="img" aria-label="A qubit is measured and gives a weight, plus or minus one; the weights
make a network">
  <g fill="none" stroke="currentColor" stroke-width="1.6">
    <circle cx="30" cy="30" r="22"/><ellipse cx="30" cy="30" rx="22" ry="7" opacity=".45"/>
    <path d="M62 30h18m-5-4l5 4-5 4M124 30h18m-5-4l5 4-5 4"/>
    <path d="M158 14L190 20M158 14L190 42M158 46L190 20M158 46L190 42" opacity=".75"/>
  </g>
  <path class="qhn-accent" d="M30 30L43 15" fill="none" stroke-width="3"/>
  <circle class="qhn-accent-fill" cx="43" cy="15" r="3.6"/>
  <g font-size="17" font-weight="700" fill="currentColor" text-anchor="middle">
    <text x="102" y="26">+1</text><text x="102" y="48" opacity=".55">−1</text>
  </g>
  <g fill="currentColor"><circle cx="158" cy="14" r="5"/><circle cx="158" cy="46" r="5"/>
    <circle cx="192" cy="20" r="5"/><circle cx="192" cy="42" r="5"/></g>
</svg>
"""
_HTML = f"""
<section class="qhn-welcome" aria-label="What this page shows" hidden>
  <div class="qhn-welcome-picture">{_PICTURE}</div>
  <p>Each <b>qubit</b> is measured as +1 or −1, and that is one <b>weight</b> of a small neural network.
  So the circuit does not hold one network but odds on all of them, and every measurement draws one.
  Press <b>Train</b> and watch the odds move to the networks that explain the data, or
  <a href="learn?show=qubit" target="_self">turn a qubit</a> and see its network move.</p>
  <button type="button" title="Close this for good" aria-label="Close this introduction">×</button>
</section>
"""
_CSS = """
.qhn-welcome { display: flex; align-items: center; gap: 1rem; padding: .35rem .75rem; border-radius: 8px;
  background: var(--st-secondary-background-color); color: var(--st-text-color); font: 15px/1.4 var(--st-font); }
.qhn-welcome[hidden], .st-key-welcome:has(.qhn-welcome[hidden]) { display: none; }
.qhn-welcome p { margin: 0; flex: 1 1 16rem; }
.qhn-welcome a { color: inherit; font-weight: 600; }
.qhn-welcome-picture { flex: 0 0 180px; }
.qhn-welcome svg { display: block; width: 100%; height: 52px; }
.qhn-welcome .qhn-accent { stroke: var(--st-primary-color); }
.qhn-welcome .qhn-accent-fill { fill: var(--st-primary-color); }
.qhn-welcome button { flex: none; align-self: flex-start; font: 20px/1 var(--st-font); color: inherit; cursor: pointer;
  background: none; border: 0; padding: .2rem .4rem; border-radius: 4px; }
.qhn-welcome button:focus-visible { outline: 2px solid var(--st-primary-color); }
@media (max-width: 640px) { .qhn-welcome { flex-wrap: wrap; gap: .4rem; } }
"""


@cache
def _component() -> Any:
    script = _SCRIPT.read_text(encoding="utf-8")
    return st.components.v2.component("qhn_welcome", html=_HTML, css=_CSS, js=script, isolate_styles=False)


def strip() -> None:
    """The strip, which the browser shows unless it was closed there before."""
    _component()(key="welcome")
