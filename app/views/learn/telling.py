"""What lessons and the story share: the bar with the ways on, what was seen; the story's screen."""

from __future__ import annotations

import streamlit as st

from app import links, presenter, state
from app.views.learn import share, showing, work
from qhn_core.lessons.lesson import Lesson, Step
from qhn_core.lessons.outcome import Outcome
from qhn_core.lessons.questions import Choice
from qhn_core.lessons.words import fill
from qhn_core.store.answers import Answers

#: Pixels of the story's one picture, and of that on its last screen, which says most.
STAGE, LAST_STAGE = 400, 320
_KEYS = "**←** **→** screens · **Space** locks the answer · **digits** choose one"


def bar(lesson: Lesson, k: int) -> None:
    """Where one is, and the ways on."""
    presenter.bar(_KEYS, _pressed(lesson, lesson.steps[k]), prompt=_asked(lesson.steps[k]))
    left, middle, right = st.columns([1.2, 3.6, 4], gap="small", vertical_alignment="center")
    left.button(
        "All lessons",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=leave,
        key="learn.leave",
        help="Back to the list of lessons; your place is kept",
    )
    number = "" if lesson.story else f"{lesson.number} · "
    middle.markdown(f"**{number}{lesson.title}** · {k + 1} of {len(lesson.steps)}")
    with right.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if not state.presenting():
            presenter.entrance()
        share.share(lesson, lesson.steps[k])
        st.button(
            "Back",
            on_click=go,
            args=(lesson, k - 1),
            disabled=k == 0,
            shortcut="Left",
            key="learn.back",
            help="The screen before (arrow left)",
        )
        last = k == len(lesson.steps) - 1
        st.button(
            "Finish" if last else "Next",
            on_click=leave if last else go,
            args=() if last else (lesson, k + 1),
            shortcut="Right",
            key="learn.next",
            help="The next screen (arrow right)",
        )


def _pressed(lesson: Lesson, step: Step) -> dict[str, tuple[str, ...]]:
    """What the presenter's keys press: the space bar locks the answer, digits choose one."""
    actions = {" ": presenter.on_button(f"learn.{lesson.id}.{step.id}.lock")}
    if isinstance(step.question, Choice):
        options = f".st-key-learn-{lesson.id}-{step.id}-answer [role=radiogroup] >"
        for number in range(1, len(step.question.options) + 1):
            actions[str(number)] = (f"{options} :nth-child({number}) input",)
    return actions


def _asked(step: Step) -> str:
    """The step's own question, for a prompt where the teacher asks nothing else."""
    return "" if step.question is None else step.question.prompt.replace("**", "")


def leave() -> None:
    """Back to all lessons."""
    for name in ("lesson", "step", state.PROMPT):
        state.keep_choice(name, None)


def go(lesson: Lesson, k: int) -> None:
    """To another step."""
    state.keep_choice("step", lesson.steps[k].id)
    state.keep_choice(state.PROMPT, None)
    state.remember("learn.busy", True)


def seen(step: Step, outcome: Outcome) -> None:
    """What should be seen, and whether it was."""
    for expected in step.expect:
        text = fill(expected.text, outcome.numbers)
        if expected.holds(outcome.numbers):
            st.markdown(f":green[:material/visibility:] **Seen:** {text}")
        else:
            st.markdown(f":orange[:material/visibility_off:] **Not this time:** {text}")


def screen(lesson: Lesson, step: Step, answers: Answers, browser: str, polling: bool, prompt: str) -> None:
    """One screen of a story: one picture, one sentence."""
    links.say(prompt)
    job = work.experiment(lesson, step, {}, until=None)
    outcome: Outcome | None = job.result or job.partial
    numbers = {} if outcome is None else outcome.numbers
    st.markdown(f"## {step.title}")
    st.markdown(f"### {fill(lesson.words[step.id][0], numbers)}")
    if job.message:
        st.error(job.message, icon=":material/error:")
    elif outcome is None:
        st.progress(job.fraction, text="The experiment runs …")
    else:
        room = LAST_STAGE if step.id == lesson.steps[-1].id else STAGE
        showing.pictures(step.show, outcome, room=room, key=f"{lesson.id}.{step.id}")
        if job.ready:
            seen(step, outcome)
    if step.id == lesson.steps[-1].id:
        st.success(lesson.sentence, icon=":material/format_quote:")
    work.settle(job, polling)
