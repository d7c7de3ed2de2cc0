"""Which browser looks at a page: a random id that it keeps, so that what somebody answered is found again.

The id is known from a cookie from the first drawing on, once the browser has been here; at the first visit the page
proposes one, which the browser keeps.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app import classroom, state
from qhn_core.store.answers import is_browser, new_browser

_SCRIPT = Path(__file__).resolve().parent.parent / "assets" / "browser_id.js"
_COOKIE = "qhn_browser"


@cache
def _component() -> Any:
    return st.components.v2.component("qhn_browser_id", js=_SCRIPT.read_text(encoding="utf-8"), isolate_styles=False)


def browser_id() -> str:
    """The id of the browser that looks at this page, in a class that of the person. Call it once, outside fragments."""
    if (viewer := classroom.person()) is not None:
        return viewer.id
    cookie = st.context.cookies.get(_COOKIE, "")
    known = str(state.recall("browser", "") or (cookie if is_browser(cookie) else ""))
    if not known:
        known = new_browser()
    state.remember("browser", known)
    told = _component()(key="browser.id", data={"known": known, "proposed": known}, on_id_change=_nothing).id
    if is_browser(told) and told != known:
        state.remember("browser", told)
        return str(told)
    return known


def _nothing() -> None:
    """The page is drawn anew, and reads what the browser told."""
