"""Experiments of lessons in the background, each worked out once for all who look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import state
from app.jobs import Job, Jobs, Watch
from qhn_core.lessons.lesson import Lesson, Setting, Step
from qhn_core.lessons.outcome import Outcome
from qhn_core.lessons.playing import key_of


@st.cache_resource(show_spinner=False)
def _experiments() -> Jobs:
    return Jobs(keep=48)


def experiment(lesson: Lesson, step: Step, settings: Mapping[str, Setting], *, until: int | None) -> Job:
    """The step's experiment with its controls at ``settings``, begun if it was not, to step ``until`` or its end."""
    found, config = lesson.prepared(step, settings)

    def work(watch: Watch) -> Outcome:
        return found.measure(config, until=until, watch=watch)

    return _experiments().get(_key(found, config, until), work)


def finished(lesson: Lesson, step: Step, settings: Mapping[str, Setting]) -> Outcome | None:
    """What the experiment found at other settings, where it is still known."""
    found, config = lesson.prepared(step, settings)
    job = _experiments().known(_key(found, config, None))
    return None if job is None else job.result


def _key(found: Any, config: Any, until: int | None) -> tuple[Any, ...]:
    return (*key_of(found, config), until)


def settle(job: Job, polling: bool) -> None:
    """Refresh as long as the experiment runs, and no longer."""
    state.remember("learn.busy", not job.ready)
    if job.ready == polling:
        st.rerun()
