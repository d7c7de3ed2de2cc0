"""Questions of lessons: asked, locked, and set beside what happened."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app import state
from app.draw_curve import draw_curve
from app.figures.lesson import colour_of
from app.figures.palette import TOKENS
from app.figures.plain import plain
from qhn_core.lessons.outcome import Lines, Outcome, Series
from qhn_core.lessons.questions import POINTS, Choice, Curve, Number, Ranking
from qhn_core.lessons.words import fill
from qhn_core.store.answers import Answer, Answers

#: How sure one was, in words.
SURE = {0: "a guess", 1: "fairly sure", 2: "sure"}
_NOBODY: dict[str, float] = {}


def ask(question: Any, answers: Answers, browser: str, where: tuple[str, str], drawn: Any) -> None:
    """The question with the means to answer it; locks the answer where that is pressed.

    Args:
        where: ids of the lesson and the step.
        drawn: what stands on the axes, where a curve is asked for.
    """
    key = f"learn.{'.'.join(where)}"
    st.markdown(f"**{question.prompt}**")
    value = _input(question, key, drawn)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        sure = 1 if state.presenting() else _how_sure(key)  # a room has no one degree of belief
        locked = st.button(
            "Lock my answer",
            type="primary",
            icon=":material/lock:",
            disabled=value is None,
            help="The run goes on when your answer is locked." if value is None else None,
            key=f"{key}.lock",
        )
    if locked:
        answers.lock(browser, *where, kind=question.kind, value=question.check(value), sure=int(sure or 0))
        st.rerun()


def _how_sure(key: str) -> int | None:
    return st.segmented_control(
        "How sure are you?",
        list(SURE),
        default=1,
        format_func=SURE.__getitem__,
        key=f"{key}.sure",
        required=True,
        help="Say it honestly: afterwards you see how often you were right when you were sure.",
    )


def _input(question: Any, key: str, drawn: Any) -> Any:
    """What is answered so far; None for nothing yet."""
    label = "Your answer"
    if isinstance(question, Choice):
        texts = {option.id: fill(option.text, _NOBODY) for option in question.options}
        return st.radio(
            label,
            list(texts),
            index=None,
            format_func=texts.__getitem__,
            key=f"{key}.answer",
            label_visibility="collapsed",
            help="Your prediction, before the run goes on.",
        )
    if isinstance(question, Number):
        return _number(question, key)
    if isinstance(question, Ranking):
        texts = {item.id: item.text for item in question.items}
        picked = st.multiselect(
            "Your order: pick the largest first, then the next",
            list(texts),
            format_func=texts.__getitem__,
            placeholder="the largest first",
            key=f"{key}.answer",
            help="Your prediction, before the run goes on: click the largest first.",
        )
        return list(picked) if len(picked) == len(texts) else None
    return _whole(drawn)


def _number(question: Number, key: str) -> float | None:
    unit = f" ({question.unit})" if question.unit else ""
    whole = float(question.step).is_integer() and float(question.low).is_integer()
    kind: Any = int if whole else float
    found = st.number_input(
        f"A number from {question.low:g} to {question.high:g}{unit}",
        min_value=kind(question.low),
        max_value=kind(question.high),
        value=None,
        step=kind(question.step),
        key=f"{key}.answer",
        placeholder="your number",
        help="Your prediction, before the run goes on.",
    )
    return None if found is None else float(found)


def _whole(drawn: Any) -> list[float] | None:
    """The drawn heights with gaps bridged; None where too little is drawn to be a curve."""
    if not isinstance(drawn, list) or len(drawn) != POINTS:
        return None
    heights = np.array([np.nan if h is None else float(h) for h in drawn])
    known = np.flatnonzero(~np.isnan(heights))
    if len(known) < 2 or known[-1] < POINTS - 3:
        return None
    filled: list[float] = np.interp(np.arange(POINTS), known, heights[known]).tolist()
    return filled


def axes(question: Curve, outcome: Outcome | None, answer: Answer | None, *, key: str, height: int) -> Any:
    """The axes of a question about a curve, with what is known; returns what is drawn."""
    picture = None if outcome is None else outcome.pictures.get(question.picture)
    if not isinstance(picture, Lines):
        st.progress(0.0, text="The first steps are trained …")
        return None
    theme = TOKENS["dark" if st.context.theme.type == "dark" else "light"]
    locked = answer is not None
    series = [
        _curve(s, theme, None if locked and s.name != question.series else question.start) for s in picture.series
    ]
    truth = question.truth(outcome) if outcome is not None and locked else None
    x_range = picture.x_range or (0.0, question.end)
    data = {
        "name": question.picture,
        "alt": f"{picture.alt()} Draw {question.series} from {question.start:g} to {question.end:g}: with the pointer, "
        "or with the arrow keys.",
        "height": height,
        "x": list(x_range),
        "y": [question.low, question.high],
        "start": question.start,
        "end": question.end,
        "points": POINTS,
        "known": series,
        "truth": None if truth is None or truth.x[-1] < question.end else _curve(truth, theme, None),
        "drawn": None if answer is None else answer.value,
        "begin": float(np.interp(question.start, *_of(picture, question.series))),
        "locked": locked,
        "animate": True,
        "labels": {"x": picture.x, "y": picture.y, "mine": "your curve"},
    }
    return draw_curve(plain(data), key=key)


def _of(picture: Lines, name: str) -> tuple[Any, Any]:
    found = next((s for s in picture.series if s.name == name), picture.series[0])
    return found.x, found.y


def _curve(series: Series, theme: dict[str, str], until: float | None) -> dict[str, Any]:
    keep = slice(None) if until is None else series.x <= until
    colour = colour_of(series.colour)
    return {
        "name": series.name,
        "x": np.asarray(series.x)[keep],
        "y": np.asarray(series.y)[keep],
        "colour": theme.get(colour, colour),
        "dashed": series.dashed,
    }


def verdict(question: Any, answer: Answer, outcome: Outcome) -> None:
    """One's own answer beside what happened."""
    found = question.judge(answer.value, outcome)
    icon = {True: ":green[:material/check_circle:]", False: ":orange[:material/cancel:]", None: ":material/help:"}
    word = {True: "as you said", False: "not as you said", None: "still open"}
    st.markdown(
        f"**{question.prompt}**\n\n"
        f"| You said ({SURE[answer.sure]}) | {_cell(fill(found.said, outcome.numbers))} |\n|---|---|\n"
        f"| It happened {icon[found.correct]} {word[found.correct]} | {_cell(fill(found.happened, outcome.numbers))} |"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
