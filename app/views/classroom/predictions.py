"""Answers to a lesson's question as they come, without names: how often each was given, or all drawn curves at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from app import services
from app.classroom import Classroom
from app.figures.answers import answer_bars, answer_curves
from app.live_chart import live_chart
from app.views.learn import work
from qhn_core.lessons import library
from qhn_core.lessons.outcome import Outcome
from qhn_core.lessons.questions import Choice, Curve, Number
from qhn_core.lessons.words import fill
from qhn_core.store.answers import Answer


def steps() -> dict[tuple[str, str], str]:
    """Every step of every lesson: (lesson, step) -> title."""
    return {
        (lesson.id, step.id): f"{lesson.number}.{k + 1} {lesson.title}: {step.title}"
        for lesson in library()[0]
        for k, step in enumerate(lesson.steps)
    }


def _questions() -> dict[tuple[str, str], Any]:
    return {
        (lesson.id, step.id): step.question
        for lesson in library()[0]
        for step in lesson.steps
        if step.question is not None
    }


def choose() -> tuple[tuple[str, str], Any] | None:
    """The question looked at; None where no lesson asks one."""
    known, titles = _questions(), steps()
    if not known:
        st.info("No lesson on this server asks a question.", icon=":material/info:")
        return None
    at = st.selectbox(
        "Question",
        list(known),
        format_func=lambda at: titles[at],
        key="class.question",
        help="Which question the answers below belong to.",
    )
    return at, known[at]


def picture(room: Classroom, at: tuple[str, str], question: Any) -> None:
    """What the class answered so far and, where that is wanted, what happened."""
    students = {person.id for person in room.students()}
    given = [a for a in services.shared_store().answers.of_step(*at) if a.browser in students]
    st.markdown(f"**{question.prompt}**")
    st.caption(f"{len(given)} of {len(students)} have answered{_sure(given)}.")
    revealed = st.toggle(
        "Reveal what happened",
        key=f"class.reveal.{'.'.join(at)}",
        help="Show to everybody how it came out, beside what was predicted.",
    )
    outcome = _outcome(at) if revealed else None
    name, alt = "class-answers", f"{len(given)} answers, none with a name."
    if isinstance(question, Curve):
        truth = question.truth(outcome) if outcome is not None else None
        figure = answer_curves(
            [answer.value for answer in given],
            question.places.tolist(),
            low=question.low,
            high=question.high,
            truth=None if truth is None else (truth.x.tolist(), truth.y.tolist()),
        )
    else:
        counts = tally(question, given)
        figure = answer_bars(counts, right=_right(question, outcome))
        alt = "; ".join(f"{text}: {count}" for text, count in counts.items()) or alt
    live_chart(figure, name=name, alt=alt, height=360)
    if outcome is not None:
        st.markdown(misconception(question, given, outcome))


def _outcome(at: tuple[str, str]) -> Outcome | None:
    """What the step's experiment showed, with the settings that it begins with; None while it runs."""
    lesson = next(lesson for lesson in library()[0] if lesson.id == at[0])
    step = lesson.step(at[1])
    settings = {control.set: control.first() for control in step.controls}
    job = work.experiment(lesson, step, settings, until=None)
    if job.message:
        st.error(job.message, icon=":material/error:")
    elif not job.ready:
        st.progress(job.fraction, text="The experiment runs …")
    found: Outcome | None = job.result
    return found


def _right(question: Any, outcome: Outcome | None) -> str | None:
    """The text of the right option, once it is known."""
    if outcome is None or not isinstance(question, Choice):
        return None
    return next((option.text for option in question.options if option.right(outcome.numbers)), None)


def _sure(given: list[Answer]) -> str:
    sure = sum(answer.sure == 2 for answer in given)
    return f"; {sure} of them are sure" if given else ""


def tally(question: Any, given: list[Answer]) -> dict[str, int]:
    """How often each answer was given: options in their order, numbers in ten equal bins, rankings by frequency."""
    if isinstance(question, Choice):
        found = Counter(str(answer.value) for answer in given)
        return {option.text: found[option.id] for option in question.options}
    if isinstance(question, Number):
        edges = np.linspace(question.low, question.high, 11)
        heights, _ = np.histogram([float(answer.value) for answer in given], bins=edges)
        return {f"{a:g} – {b:g}": int(n) for a, b, n in zip(edges[:-1], edges[1:], heights, strict=True)}
    names: Mapping[str, str] = {item.id: item.text for item in getattr(question, "items", ())}
    found = Counter(" > ".join(names.get(one, str(one)) for one in answer.value) for answer in given)
    return dict(found.most_common(8))


def misconception(question: Any, given: list[Answer], outcome: Outcome) -> str:
    """How many were right, and the wrong answer given most often, as a sentence."""
    judged = [(answer, question.judge(answer.value, outcome)) for answer in given]
    wrong = [(answer, verdict) for answer, verdict in judged if verdict.correct is False]
    right = sum(verdict.correct is True for _, verdict in judged)
    said = f"**{right} of {len(given)} were right.**"
    if not wrong:
        return said
    words, count = Counter(verdict.said for _, verdict in wrong).most_common(1)[0]
    first = next(answer for answer, verdict in wrong if verdict.said == words)
    option = next((o for o in getattr(question, "options", ()) if o.id == first.value), None)
    why = f" {option.why}" if option is not None and option.why else ""
    text = f"{fill(words, outcome.numbers)}.{fill(why, outcome.numbers)}"
    return f"{said} Most frequent misconception, {count} of {len(given)}: {text}"
