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
#: Times that one is taken to a page before it counts as followed all the same.
_TRIES = 3


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
        _follow(pages, viewer, room, name)
    away = board.eyes and not viewer.teacher
    st.fragment(_class_line, run_every=LOOK)(room, viewer, board.version, name, away)
    return not away


def _follow(pages: Mapping[str, Any], viewer: Person, room: Classroom, name: str) -> None:
    """Open what was sent to the screens since this person looked last; who comes later gets it at once.

    It counts as followed when one is there: a click in the moment of the change of pages takes one back to the page
    that was left.
    """
    board = room.board
    if room.followed(viewer) == board.shown:
        return
    sent, tries = state.recall("class.sent", 0), int(state.recall("class.tries", 0))
    tries = tries if sent == board.shown else 0
    there = name == board.page and all(st.query_params.get(key) == value for key, value in board.query.items())
    if board.page not in pages or tries >= _TRIES or (tries and there):
        room.has_followed(viewer, board.shown)
        return
    state.remember("class.sent", board.shown)
    state.remember("class.tries", tries + 1)
    own = board.own(viewer) if board.own is not None else {}
    state.take_address()
    st.switch_page(pages[board.page], query_params={**board.query, **own})


def _class_line(room: Classroom, viewer: Person, drawn: int, name: str, away: bool) -> None:
    """Who one is, and where to look; starts the page again when the board has changed."""
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
