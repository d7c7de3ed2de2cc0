"""Who is in the class, what they train, where they stand in the lesson; and the buttons that reach everybody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from app import services
from app.classroom import Classroom
from qhn_core.errors import QHNError
from qhn_core.runner.crew import Crew
from qhn_core.runner.live import LiveRun
from qhn_core.store.people import Person


def buttons(room: Classroom) -> None:
    """Eyes to the front, pause and resume all, stop one run."""
    label = "Eyes back to work" if room.board.eyes else "Eyes on me"
    names = {run: f"{person.name}: {name}" for run, (person, name) in _runs(room).items()}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.button(
            label,
            icon=":material/visibility:",
            on_click=_eyes,
            args=(room, not room.board.eyes),
            key="class.eyes",
            help="Cover every screen until you press again: nobody has to stop what is in work",
        )
        st.button(
            "Pause all",
            icon=":material/pause:",
            on_click=pause_all,
            args=(room,),
            key="class.pause",
            help="Hold every run of the class where it is",
        )
        st.button(
            "Resume all",
            icon=":material/resume:",
            on_click=_resume_all,
            args=(room,),
            key="class.resume",
            help="Let every held run go on",
        )
        chosen = st.selectbox(
            "A run",
            list(names),
            format_func=lambda run: names.get(run, run),
            index=None,
            key="class.run",
            width=300,
            help="Runs that are in work now, with their place and step.",
        )
        st.button(
            "Stop it",
            on_click=_stop,
            args=(chosen,),
            disabled=chosen is None,
            key="class.stop",
            help="End the chosen run; what it has learnt is kept",
        )


def _eyes(room: Classroom, eyes: bool) -> None:
    """All look at the projector, or go on; their runs rest meanwhile. What the button said counts, however often."""
    if eyes == room.board.eyes:
        return
    if eyes:
        pause_all(room)
    else:
        _resume_all(room)
    room.change(lambda board: replace(board, eyes=eyes))


def pause_all(room: Classroom) -> None:
    """Pause every student's run and race that is in work."""
    for run in _runs(room):
        _try("pause", run)


def stop_all(room: Classroom) -> None:
    """Stop every student's run and race, and wait a moment for each to end."""
    ids = _runs(room)
    for run in ids:
        _try("stop", run)
    for one in _live():
        if one.run_id in ids:
            one.wait(timeout=5.0)


def _resume_all(room: Classroom) -> None:
    for run in _runs(room):
        _try("resume", run)


def _stop(run: str | None) -> None:
    if run is not None:
        _try("stop", run)


def _try(what: str, run: str) -> None:
    races = services.shared_races()
    try:
        getattr(races if races.crew.get(run) is not None else services.shared_supervisor(), what)(run)
    except QHNError as error:
        st.toast(str(error))


def _live() -> list[LiveRun[Any]]:
    """Runs and races that are in work, of everybody, the oldest of each first."""
    crews: tuple[Crew[Any], ...] = (services.shared_supervisor().crew, services.shared_races().crew)
    return [run for crew in crews for run in crew.all() if run.state.active]


def _runs(room: Classroom) -> dict[str, tuple[Person, str]]:
    """Runs and races of students that are in work: id -> whose, and its name."""
    known = {person.id: person for person in room.students()}
    return {run.run_id: (known[run.owner], run.name) for run in _live() if run.owner in known}


def table(room: Classroom) -> None:
    """One line a student, drawn anew every few seconds."""
    students = room.students()
    if not students:
        st.info("Nobody has come in yet. Students open the link and give the class code.", icon=":material/groups:")
        return
    newest = {run.owner: run for run in _live()}
    rows = [_row(room, person, newest.get(person.id)) for person in students]
    here = sum(row["here"] for row in rows)
    st.caption(f"{here} of {len(rows)} have a page open; {sum(bool(row['run']) for row in rows)} train.")
    st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        column_config={
            "here": st.column_config.CheckboxColumn("Here"),
            "name": "Name",
            "page": "Page",
            "lesson": "Lesson and step",
            "run": "Run",
            "progress": st.column_config.ProgressColumn("Steps", min_value=0.0, max_value=1.0, format="percent"),
            "state": "State",
        },
        key="class.people",
    )


def _row(room: Classroom, person: Person, run: LiveRun[Any] | None) -> dict[str, Any]:
    seen, places = room.presence(person), services.shared_store().answers.places(person.id)
    slots = services.shared_supervisor().crew.slots
    status = run.status(slots.position(run)) if run is not None else None
    lesson = next(reversed(places.items()), None) if places else None
    return {
        "here": room.is_here(person),
        "name": person.name,
        "page": seen.page.capitalize(),
        "lesson": " · ".join(lesson) if lesson else "",
        "run": status.name if status is not None else "",
        "progress": status.step / max(status.steps, 1) if status is not None else None,
        "state": _state(status) if status is not None else "",
    }


def _state(status: Any) -> str:
    return f"queued, number {status.queue_position}" if status.queue_position else str(status.state.value)
