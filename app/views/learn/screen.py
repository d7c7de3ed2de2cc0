"""One screen of a lesson: words and question at the left, the live experiment at the right."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import links, services, state
from app.describe import loss_names
from app.jobs import Job
from app.views.learn import asking, showing, telling, work
from qhn_core.errors import QHNError
from qhn_core.lessons.lesson import Control, Lesson, Setting, Step
from qhn_core.lessons.outcome import Outcome
from qhn_core.lessons.questions import Curve
from qhn_core.lessons.words import fill
from qhn_core.store import Rows
from qhn_core.store.answers import Answer, Answers

#: Seconds between refreshes while an experiment runs.
REFRESH = 0.5


def show(lesson: Lesson, answers: Answers, browser: str) -> None:
    """The step that the URL names, or at which this browser was."""
    ids = [step.id for step in lesson.steps]
    at = state.choice("step", ids, answers.places(browser).get(lesson.id, ids[0]))
    at = at if at in ids else ids[0]
    state.keep_choice("step", at)
    if answers.places(browser).get(lesson.id) != at:
        answers.visit(browser, lesson.id, at)
    step = lesson.step(at)
    telling.bar(lesson, ids.index(at))
    prompt = links.prompt()
    busy = bool(state.recall("learn.busy", True))
    body = telling.screen if lesson.story else _body
    st.fragment(body, run_every=REFRESH if busy else None)(lesson, step, answers, browser, busy, prompt)


def _body(lesson: Lesson, step: Step, answers: Answers, browser: str, polling: bool, prompt: str) -> None:
    """The step itself, drawn anew while its experiment runs."""
    where = (lesson.id, step.id)
    given = {answer.step: answer for answer in answers.of_browser(browser, lesson.id)}
    answer = given.get(step.id) if step.question is not None else None
    waiting = step.question is not None and answer is None
    left, right = st.columns([5, 7], gap="medium")
    with left:
        links.say(prompt)
        settings = _words_and_controls(lesson, step, waiting)
    try:
        job = work.experiment(lesson, step, settings, until=step.until if waiting else None)
    except QHNError as error:
        right.error(f"These settings do not go together. {error}", icon=":material/error:")
        return
    outcome: Outcome | None = job.result or job.partial
    with right:
        drawn = _experiment(lesson, step, job, outcome, answer, settings)
    with left:
        if waiting:
            asking.ask(step.question, answers, browser, where, drawn)
        elif outcome is not None:
            _reveal(lesson, step, answer, outcome, ready=job.ready)
            if job.ready and answer is not None:
                _judge(step, answer, answers, outcome)
        _help(lesson, step, settings, job.result, waiting=waiting)
    work.settle(job, polling)


def _words_and_controls(lesson: Lesson, step: Step, waiting: bool) -> Mapping[str, Setting]:
    st.markdown(f"#### {step.title}")
    if waiting or step.question is None:
        st.markdown(fill(lesson.words[step.id][0], {}))
    hidden = state.hidden_controls()
    shown = [control for control in step.controls if control.set not in hidden]
    with st.container(horizontal=True, gap="small"):
        return {control.set: _control(lesson, step, control) for control in shown}


def _control(lesson: Lesson, step: Step, control: Control) -> Setting:
    key = f"learn.{lesson.id}.{step.id}.{control.set}"
    if control.choices:
        found = st.segmented_control(
            control.label,
            list(control.choices),
            default=control.choices[0],
            format_func=_said,
            help=control.help,
            key=key,
            required=True,
        )
        return control.first() if found is None else found
    low, high = control.extremes()
    slider = st.slider(
        control.label,
        float(low),
        float(high),
        float(control.first()),
        control.step,
        format="%g",
        help=control.help,
        key=key,
    )
    return float(slider)


def _said(value: Setting) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else loss_names().get(str(value), str(value))


def _experiment(
    lesson: Lesson,
    step: Step,
    job: Job,
    outcome: Outcome | None,
    answer: Answer | None,
    settings: Mapping[str, Setting],
) -> object:
    """The pictures; returns what is drawn on them, where a curve is asked for."""
    if job.message:
        st.error(job.message, icon=":material/error:")
        return None
    where = f"{lesson.id}.{step.id}"
    if isinstance(step.question, Curve):
        return asking.axes(step.question, outcome, answer, key=f"learn.{where}.curve", height=420)
    if outcome is None:
        st.progress(job.fraction, text="The experiment runs …")
        return None
    waiting = step.question is not None and answer is None
    if waiting and step.until is None and step.hides:
        st.info("What happens is shown when your answer is locked.", icon=":material/visibility_off:")
        return None
    before = _before(lesson, step, settings)
    notes = [outcome.notes[name] for name in step.show if name in outcome.notes and not waiting]
    room = showing.room() - showing.NOTE * len(notes)
    showing.pictures(step.show, outcome, before=before, key=where, interactive=not waiting, room=room)
    for note in notes:
        st.info(note, icon=":material/info:")
    return None


def _before(lesson: Lesson, step: Step, settings: Mapping[str, Setting]) -> Outcome | None:
    """What the settings before gave, so that a change can be seen."""
    name = f"learn.before.{lesson.id}.{step.id}"
    now, old = state.recall(f"{name}.now"), state.recall(name)
    mine = dict(settings)
    if now is not None and now != mine:
        old = now
        state.remember(name, old)
    state.remember(f"{name}.now", mine)
    return work.finished(lesson, step, old) if old is not None and old != mine else None


def _reveal(lesson: Lesson, step: Step, answer: Answer | None, outcome: Outcome, *, ready: bool) -> None:
    """What was answered beside what happened, why, and what should be seen."""
    if answer is not None and step.question is not None:
        asking.verdict(step.question, answer, outcome)
    if lesson.words[step.id][1]:
        st.markdown(fill(lesson.words[step.id][1], outcome.numbers))
    if not ready:
        st.caption(":material/hourglass_top: The run goes on …")
        return
    telling.seen(step, outcome)
    if step.challenge is not None:
        done = all(condition.holds(outcome.numbers) for condition in step.challenge.when)
        mark = ":green[:material/trophy:] **Found!**" if done else ":material/flag: **Challenge:**"
        st.markdown(f"{mark} {fill(step.challenge.text, outcome.numbers)}")
    if step.id == lesson.steps[-1].id:
        st.success(lesson.sentence, icon=":material/format_quote:")


def _judge(step: Step, answer: Answer, answers: Answers, outcome: Outcome) -> None:
    """Keep whether the answer was right, for the profile and for whoever teaches."""
    if answer.correct is None and step.question is not None:
        correct = step.question.judge(answer.value, outcome).correct
        if correct is not None:
            answers.judge(answer.browser, answer.lesson, answer.step, correct=correct)


def _help(
    lesson: Lesson, step: Step, settings: Mapping[str, Setting], outcome: Outcome | None, *, waiting: bool
) -> None:
    with st.container(horizontal=True, gap="small"):
        if step.question is not None and not waiting:
            with st.popover("Read again", icon=":material/menu_book:", help="What was said before the answer"):
                st.markdown(fill(lesson.words[step.id][0], {}))
        if step.hint:
            with st.popover("Hint", icon=":material/lightbulb:", help="A nudge, if you are stuck"):
                st.markdown(step.hint)
        trains = (step.experiment or lesson.experiment).name == "training"
        label, icon = "Go on freely in Train", ":material/open_in_new:"
        if trains and st.button(
            label, icon=icon, type="tertiary", key="learn.train", help="Take this run to the page with all controls"
        ):
            _to_train(lesson, step, settings, outcome)


def _to_train(lesson: Lesson, step: Step, settings: Mapping[str, Setting], outcome: Outcome | None) -> None:
    """The run as it stands here, on the Train page; trained from its seed where none of this step's is its own."""
    config = lesson.prepared(step, settings)[1]
    name = f"Lesson {lesson.number}: {lesson.title}"[:80]
    runs = () if outcome is None else outcome.handed
    mine = next((run for run in runs if run.config == config), runs[0] if runs else None)
    if mine is None:
        run = services.supervisor().start(config, name=name)
    else:
        config = mine.config
        run = services.supervisor().take_over(config, mine.state, Rows(mine.steps, dict(mine.history)), name=name)
    state.open_run(run, config)
    st.switch_page("views/train/page.py")
