"""A link to one screen of a lesson, with a teacher's prompt and hidden controls, as text and as a QR code."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import links, state
from app.menus import menu
from qhn_core.lessons.lesson import Lesson, Step

_MENU = "learn.share"


def share(lesson: Lesson, step: Step) -> None:
    """The menu with the link and the button for its QR code."""
    told = "A link to this screen, for a class"
    menu("Share", partial(_share, lesson, step), icon="share", key=_MENU, help=told, width="content")


def _share(lesson: Lesson, step: Step) -> None:
    above = st.container()
    prompted = links.prompt_field(f"learn.share.prompt.{lesson.id}.{step.id}")
    hidden = sorted(state.hidden_controls()) or _hide_controls(lesson, step)
    with above:
        links.offer({"lesson": lesson.id, "step": step.id}, menu=_MENU, prompted=prompted, hidden=hidden)


def _hide_controls(lesson: Lesson, step: Step) -> list[str]:
    """The choice of the screen's controls that the link hides; not where a link has hidden some already."""
    names = {control.set: control.label for control in step.controls}
    if not names:
        return []
    return st.pills(
        "Hide these controls",
        list(names),
        selection_mode="multi",
        format_func=names.__getitem__,
        key=f"learn.share.hide.{lesson.id}.{step.id}",
        help="Settings that whoever opens the link is not to see.",
    )
