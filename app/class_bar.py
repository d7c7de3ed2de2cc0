"""What every page shows and does in a class: who one is, what the teacher sends to the screens, eyes to the front."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import classroom, state
from app.classroom import Classroom
from qhn_core.store.people import Person

#: Seconds between two looks at the board.
LOOK = 2.5


def is_teacher() -> bool:
    """Whether a class's teacher looks at this page."""
    viewer = classroom.person()
    return viewer is not None and viewer.teacher


def show(pages: Mapping[str, Any], chosen: Any) -> bool:
    """The line at the top, and what the board says; whether the chosen page is to be shown.

    Args:
        pages: name -> page, of those that may be opened.
        chosen: the page that the address names.
    """
    room, viewer = classroom.classroom(), classroom.person()
    if room is None or viewer is None:
        return True
    name = next((name for name, page in pages.items() if page == chosen), "")
    room.saw(viewer, name, state.run_id() or "")
    board = room.board
    if not viewer.teacher:
        _follow(pages, viewer, room)
    away = board.eyes and not viewer.teacher
    st.fragment(_class_line, run_every=LOOK)(room, viewer, board.version, name, away)
    return not away


def _follow(pages: Mapping[str, Any], viewer: Person, room: Classroom) -> None:
    """Open what was sent to the screens since this person looked last; who comes later gets it at once."""
    board = room.board
    if room.followed(viewer) == board.shown:
        return
    room.has_followed(viewer)
    if board.page in pages:
        own = board.own(viewer) if board.own is not None else {}
        state.take_address()
        st.switch_page(pages[board.page], query_params={**board.query, **own})


def _class_line(room: Classroom, viewer: Person, drawn: int, name: str, away: bool) -> None:
    """Who one is, and where to look; starts the page again when the board has changed.

    A busy browser may lose what comes first after a page was started again: here all is drawn anew at every look.
    """
    room.saw(viewer, name, state.run_id() or "")
    if room.board.version != drawn:
        st.rerun()
    if viewer.teacher:
        here = sum(room.is_here(person) for person in room.students())
        st.caption(f":material/groups: Class {room.codes.student} · {room.link} · {here} here")
    else:
        st.caption(f":material/person: {viewer.name.replace('$', '')}")
    if away:
        st.markdown("## :material/visibility: Eyes on the projector")
        st.caption("Your teacher shows something to everybody. Your page comes back as you left it.")
