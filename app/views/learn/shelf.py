"""All lessons, how far this browser came in each, and what is known of its answers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import state, wide_tables
from app.qubits import qubits
from app.views.learn import glossary
from qhn_core.lessons.files import LessonError
from qhn_core.lessons.lesson import Lesson
from qhn_core.lessons.outcome import Qubits
from qhn_core.store.answers import Answer, Answers


def show(lessons: Sequence[Lesson], bad: Sequence[LessonError], answers: Answers, browser: str) -> None:
    """The page of all lessons."""
    given = answers.of_browser(browser)
    places = answers.places(browser)
    st.markdown("### Learn: predict first, then see")
    _story([lesson for lesson in lessons if lesson.story])
    # Two a row, in rows of their own: one below the other on a telephone they stand in their order.
    offered = [lesson for lesson in lessons if not lesson.story]
    for k in range(0, len(offered), 2):
        for column, lesson in zip(st.columns(2, gap="medium"), offered[k : k + 2], strict=False):
            with column.container(border=True, height="stretch"):
                _card(lesson, sum(answer.lesson == lesson.id for answer in given), places.get(lesson.id))
    for error in bad:
        st.warning(f"A lesson cannot be used: {error}", icon=":material/info:")
    with st.expander("Glossary", icon=":material/menu_book:"):
        glossary.show()
    _profile(given, answers, browser)


def _story(stories: Sequence[Lesson]) -> None:
    """The ten-minute story, and the smallest thing that explains the program."""
    left, right = st.columns(2, gap="medium")
    for story in stories:
        with left.container(border=True):
            st.markdown(f"**{story.title}**  \n{story.question}")
            st.button(
                f"Tell it: {len(story.steps)} screens, arrow keys",
                key=f"learn.open.{story.id}",
                on_click=_open,
                args=(story.id,),
                icon=":material/slideshow:",
                type="primary",
                help="Screen by screen, for a projector or for yourself",
            )
    with right.container(border=True):
        st.markdown("**From qubit to network**  \nTurn one angle; see the odds, the weight, the network move.")
        if st.toggle(
            "Show",
            key="learn.qubit",
            value=state.parameter("show") == "qubit",
            help="Turn one angle, and see the odds, the weight and the network move.",
        ):
            count = st.segmented_control(
                "Qubits",
                [1, 2],
                default=1,
                key="learn.qubit.count",
                required=True,
                help="One weight, or two that can be entangled.",
            )
            angles = (1.2,) if count == 1 else (1.57, 0.0)
            picture = Qubits("From qubit to network", angles, coupled=count == 2)
            qubits(picture, name="qubits", key=f"learn.qubits.{count}", interactive=True)


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
            help="Open this lesson",
        )
        st.caption(f"{lesson.minutes} min · {done} of {asked} answered")


def _open(lesson: str) -> None:
    state.keep_choice("lesson", lesson)
    state.remember("learn.busy", True)


def _profile(given: Sequence[Answer], answers: Answers, browser: str) -> None:
    """How often one was sure, and how often of those wrong; export and clear."""
    st.markdown("#### Your answers")
    if not given:
        st.caption("None yet. They are kept under a random number that this browser holds; nobody's name is asked for.")
        return
    judged = [(answer, answer.correct) for answer in given if answer.correct is not None]
    rows = []
    for level, name in ((2, "sure"), (1, "fairly sure"), (0, "a guess")):
        mine = [right for answer, right in judged if answer.sure == level]
        rows.append(f"| {name} | {len(mine)} | {sum(mine)} | {len(mine) - sum(mine)} |")
    st.markdown("| you were | answers | right | wrong |\n|---|---|---|---|\n" + "\n".join(rows))
    wide_tables.reach()
    wrong = sum(answer.sure == 2 and not right for answer, right in judged)
    sure = sum(answer.sure == 2 for answer, _ in judged)
    if sure:
        st.markdown(f"**Sure and wrong: {wrong} of {sure}.**")
    if len(judged) < len(given):
        st.caption(f"{len(given) - len(judged)} more wait for their run to end: open their step again.")
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Export my answers",
            answers.export(browser),
            "answers.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            help="Your predictions and how they came out, as a file",
        )
        with st.popover(
            "Clear my answers", icon=":material/delete:", help="Forget all predictions made in this browser"
        ):
            st.markdown(f"This forgets {len(given)} answers for good.")
            st.button(
                "Clear them",
                on_click=_clear,
                args=(answers, browser),
                type="primary",
                key="learn.clear",
                help="This cannot be undone",
            )


def _clear(answers: Answers, browser: str) -> None:
    answers.clear(browser)
