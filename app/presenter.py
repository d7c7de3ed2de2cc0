"""Presenter's mode: large type, no sidebar, charts first, and keys that press the page's buttons.

It is entered by a button or by ``present=1`` in the link, and left by Escape. On a projector of 1280×720 its text is a
thirtieth of the picture's height, as the last row needs it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app import state

_ASSETS = Path(__file__).resolve().parent.parent / "assets"
#: How much larger charts are drawn than elsewhere.
SCALE = 1.45
#: Most characters of a prompt.
LONGEST = 200
_HTML = """
<div class="qhn-prompt" role="dialog" aria-label="Prompt to the class" data-writing="false" hidden>
  <p aria-live="polite"></p>
  <textarea maxlength="200" rows="3" aria-label="Prompt to the class"
    placeholder="What do you expect, and why?  Enter keeps it."></textarea>
  <button type="button">change</button>
</div>
"""
_CSS = """
.qhn-prompt { position: fixed; inset: 0; z-index: 999990; display: grid; place-content: center; padding: 6vw;
  background: var(--st-background-color); color: var(--st-text-color);
  font: 600 clamp(28px, 5vw, 64px)/1.25 var(--st-font); }
.qhn-prompt[hidden] { display: none; }
.qhn-prompt p { margin: 0; font: inherit; max-width: 22em; overflow-wrap: anywhere; white-space: pre-wrap; }
.qhn-prompt textarea { width: min(80vw, 22em); font: inherit; color: inherit; resize: none; padding: .3em;
  background: var(--st-secondary-background-color); border: 2px solid var(--st-border-color); border-radius: 8px; }
.qhn-prompt[data-writing=true] p, .qhn-prompt[data-writing=true] button, .qhn-prompt[data-writing=false] textarea {
  display: none; }
.qhn-prompt button { position: absolute; right: 2vw; bottom: 2vw; font: 20px var(--st-font); color: inherit;
  background: none; border: 1px solid var(--st-border-color); border-radius: 6px; padding: .3em .8em; cursor: pointer; }
"""


@cache
def _component() -> Any:
    script = (_ASSETS / "presenter.js").read_text(encoding="utf-8")
    return st.components.v2.component("qhn_presenter", html=_HTML, css=_CSS, js=script, isolate_styles=False)


def scale() -> float:
    """How much larger than usual this page's charts are drawn."""
    return SCALE if state.presenting() else 1.0


def entrance(*, label: str = "Present") -> None:
    """The button that enters the mode."""
    st.button(
        label,
        icon=":material/present_to_all:",
        type="tertiary",
        key="presenter.enter",
        on_click=state.present,
        args=(True,),
        help="For the projector: large type, charts first, keys instead of the mouse. Escape leaves it.",
    )


def on_button(*keys: str) -> tuple[str, ...]:
    """Where the buttons of these keys stand; the first that can be pressed is."""
    return tuple(f".st-key-{re.sub(r'[^a-zA-Z0-9_-]', '-', key)} button" for key in keys)


def bar(words: str, actions: Mapping[str, Sequence[str]], *, prompt: str = "") -> None:
    """The look of the mode, its keys in words, and what they press; nothing where the mode is off.

    Args:
        words: what the keys do on this page, beside those that do the same on all.
        actions: key as browsers name it -> where the elements stand that it presses.
        prompt: what P shows where the teacher's link brings nothing.
    """
    if not state.presenting():
        return
    st.html(_ASSETS / "styles" / "presenter.css")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="presenter.bar"):
        st.caption(f"{words} · **P** prompt · **Esc** leaves")
        st.button(
            "Leave",
            icon=":material/close_fullscreen:",
            type="tertiary",
            key="presenter.leave",
            on_click=state.present,
            args=(False,),
            help="Back to the page with all its controls",
        )
    _component()(
        key="presenter",
        data={
            "actions": {key: list(places) for key, places in actions.items()}
            | {"Escape": list(on_button("presenter.leave"))},
            "prompt": state.prompt(LONGEST) or prompt[:LONGEST],
        },
        on_prompt_change=_keep_prompt,
    )


def _keep_prompt() -> None:
    """What was written over the page becomes part of its link."""
    text = state.widget("presenter", {}).get("prompt")
    if isinstance(text, str):
        state.keep_choice(state.PROMPT, text.strip()[:LONGEST] or None)
