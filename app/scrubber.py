"""Play, rewind and scrub through the kept steps of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app import state

_SCRIPT = Path(__file__).resolve().parent.parent / "assets" / "scrubber.js"
_HTML = """
<div class="qhn-scrub" role="group" aria-label="Steps of this run">
  <button type="button" data-part="first" aria-label="To the first step" title="To the first step">«</button>
  <button type="button" data-part="play" aria-label="Play from here" title="Play the training again">▶</button>
  <input type="range" data-part="slider" min="0" value="0" aria-label="Step shown">
  <button type="button" data-part="newest" aria-label="To the newest step" title="To the newest step">»</button>
  <span data-part="said"></span>
</div>
"""
_CSS = """
.qhn-scrub { display: flex; align-items: center; gap: 6px; min-height: 2.5rem; color: var(--st-text-color);
  font: .875rem var(--st-font); }
.qhn-scrub input { flex: 1; min-width: 60px; accent-color: var(--st-primary-color); }
.qhn-scrub button { font: .875rem var(--st-font); color: var(--st-text-color); cursor: pointer; min-width: 2rem;
  height: 1.9rem; padding: 0 6px; background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); border-radius: 6px; }
.qhn-scrub button:disabled { opacity: .45; cursor: default; }
.qhn-scrub span { white-space: nowrap; font-variant-numeric: tabular-nums; }
"""


@cache
def _component() -> Any:
    script = _SCRIPT.read_text(encoding="utf-8")
    return st.components.v2.component("qhn_scrubber", html=_HTML, css=_CSS, js=script, isolate_styles=False)


def scrubber(steps: Sequence[int], at: int, *, run: str, total: int, key: str, on_change: Callable[[], None]) -> None:
    """Mount it.

    Args:
        steps: what can be shown, increasing.
        at: the step that the page shows.
        run: whose steps they are; playing stops when it is another's.
        total: the run's last step.
        on_change: called before the page is drawn for a step that was asked for; :func:`asked` tells which.
    """
    data = {"steps": [int(s) for s in steps], "at": int(at), "run": run, "total": int(total)}
    _component()(key=key, data=data, default={"step": None}, on_step_change=on_change)


def asked(key: str) -> int | None:
    """The step that was asked for, in ``on_change``."""
    held = state.widget(key)
    step = None if held is None else held.get("step")
    return None if step is None else int(step)
