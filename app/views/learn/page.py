"""Learn: lessons whose questions are answered before the run goes on."""

from __future__ import annotations

import streamlit as st

from app import services, state
from app.browser_id import browser_id
from app.views.learn import screen, shelf
from qhn_core.lessons import library


def page() -> None:
    """The page: one step of a lesson, or all lessons."""
    browser = browser_id()
    lessons, bad = library()
    chosen = state.choice("lesson", [lesson.id for lesson in lessons], "")
    if state.parameter("lesson") and not chosen:
        st.warning("The lesson that this link names is not on this server.", icon=":material/info:")
    if chosen:
        screen.show(next(lesson for lesson in lessons if lesson.id == chosen), services.store().answers, browser)
    else:
        shelf.show(lessons, bad, services.store().answers, browser)


if __name__ == "__main__":
    page()
