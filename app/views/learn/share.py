"""A link to one screen of a lesson, with a teacher's prompt and hidden controls, as text and as a QR code."""

from __future__ import annotations

import streamlit as st

from app import links
from qhn_core.lessons.lesson import Lesson, Step


def popover(lesson: Lesson, step: Step) -> None:
    """The button that opens link and QR code."""
    with st.popover("Share", icon=":material/qr_code_2:", help="A link to this screen, for a class"):
        prompted = links.prompt_field(f"learn.share.prompt.{lesson.id}.{step.id}")
        names = {control.set: control.label for control in step.controls}
        hidden: list[str] = []
        if names:
            hidden = st.pills(
                "Hide these controls",
                list(names),
                selection_mode="multi",
                format_func=names.__getitem__,
                key=f"learn.share.hide.{lesson.id}.{step.id}",
                help="Settings that whoever opens the link is not to see.",
            )
        links.offer({"lesson": lesson.id, "step": step.id}, prompted=prompted, hidden=hidden)
