"""What the teacher sends to every screen: a lesson's step, or the settings that Train shows here."""

from __future__ import annotations

import streamlit as st

from app import links, state
from app.classroom import Classroom
from app.views.classroom.predictions import steps
from qhn_core.config import SECTIONS


def show(room: Classroom) -> None:
    """Two ways to send, each with its button, and a prompt that goes with either."""
    prompted = links.prompt_field("class.send.prompt")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**A lesson's step**")
        known = steps()
        chosen = st.selectbox(
            "Step",
            list(known),
            format_func=lambda at: known[at],
            key="class.send.step",
            help="The screen of a lesson to send.",
        )
        st.button(
            "Send this step",
            icon=":material/send:",
            on_click=_send_step,
            args=(room, chosen, prompted),
            disabled=chosen is None,
            key="class.send.lesson",
            help="Open this screen for everybody in the class",
        )
    with right:
        st.markdown("**The settings of your Train page**")
        hide = st.multiselect(
            "Leave these controls out",
            list(SECTIONS),
            format_func=str.capitalize,
            key="class.send.hide",
            help="Settings that students are not to see, so that all look at the same thing.",
        )
        link = state.link_text(state.read_config())
        st.button(
            "Send these settings",
            icon=":material/send:",
            on_click=_send_settings,
            args=(room, link, hide, prompted),
            disabled=link is None,
            key="class.send.settings",
            help="Open these settings in Train for everybody in the class",
        )
        if link is None:
            st.caption("These settings hold a cost table, which is too long to be sent.")
    if room.board.shown:
        st.caption(f"Sent last: {room.board.page.capitalize()} {' · '.join(_said(room))}. Who comes later gets it too.")


def _said(room: Classroom) -> list[str]:
    return [value for name, value in room.board.query.items() if name in ("lesson", "step")]


def _send_step(room: Classroom, at: tuple[str, str] | None, prompted: str) -> None:
    if at is not None:
        room.send("learn", {"lesson": at[0], "step": at[1]} | _with(prompted))


def _send_settings(room: Classroom, link: str | None, hide: list[str], prompted: str) -> None:
    if link is not None:
        hidden = {state.HIDE: ",".join(sorted(hide))} if hide else {}
        room.send("train", {state.CONFIG: link} | hidden | _with(prompted))


def _with(prompted: str) -> dict[str, str]:
    return {state.PROMPT: prompted} if prompted else {}
