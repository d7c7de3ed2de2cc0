"""All lessons, how far this browser came in each, and what is known of its answers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import state
from qhn_core.lessons.files import LessonError
from qhn_core.lessons.lesson import Lesson
from qhn_core.store.answers import Answers


def show(lessons: Sequence[Lesson], bad: Sequence[LessonError], answers: Answers, browser: str) -> None:
    """The page of all lessons."""
    given = answers.of_browser(browser)
    places = answers.places(browser)
    st.markdown("### Learn: predict first, then see")
    st.markdown("Each lesson asks before it shows. Answers stay in this browser's name only, a random number.")
    columns = st.columns(2, gap="medium")
    for k, lesson in enumerate(lessons):
        with columns[k % 2].container(border=True):
            done = sum(answer.lesson == lesson.id for answer in given)
            _card(lesson, done, places.get(lesson.id))
    for error in bad:
        st.warning(f"A lesson cannot be used: {error}", icon=":material/info:")


def _card(lesson: Lesson, done: int, place: str | None) -> None:
    asked = sum(step.question is not None for step in lesson.steps)
    st.markdown(f"**{lesson.number} · {lesson.title}**  \n{lesson.question}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Go on" if place else "Begin",
            key=f"learn.open.{lesson.id}",
            on_click=_open,
            args=(lesson.id,),
            icon=":material/play_arrow:",
        )
        st.caption(f"{lesson.minutes} min · {done} of {asked} answered")


def _open(lesson: str) -> None:
    state.keep_choice("lesson", lesson)
    state.remember("learn.busy", True)
