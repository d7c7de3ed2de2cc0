"""A link to one screen of a lesson, with a teacher's prompt and hidden controls, as text and as a QR code."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import urlencode, urlsplit

import streamlit as st

from app import state
from app.presenter import LONGEST
from qhn_core.lessons.lesson import Lesson, Step


def popover(lesson: Lesson, step: Step) -> None:
    """The button that opens link and QR code."""
    with st.popover("Share", icon=":material/qr_code_2:", help="A link to this screen, for a class"):
        prompt = st.text_input(
            "Your prompt to the class (optional)",
            state.prompt(LONGEST),
            max_chars=LONGEST,
            placeholder="What do you expect, and why?",
            key=f"learn.share.prompt.{lesson.id}.{step.id}",
            help="A sentence that stands above the screen for whoever opens the link.",
        )
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
        address = link(lesson.id, step.id, prompt=prompt, hidden=hidden)
        st.code(address, language=None, wrap_lines=True)
        st.image(qr_code(address), width=300, caption="For the classroom's screen")
        if urlsplit(address).hostname in ("127.0.0.1", "localhost"):
            st.caption("This address works on this computer only. Open the page by the server's own name to share it.")


def link(lesson: str, step: str, *, prompt: str = "", hidden: list[str] | None = None) -> str:
    """The address of a step."""
    parts = urlsplit(st.context.url or "http://127.0.0.1:8501/learn")
    query = {"lesson": lesson, "step": step}
    if prompt.strip():
        query[state.PROMPT] = prompt.strip()[:LONGEST]
    if hidden:
        query[state.HIDE] = ",".join(sorted(hidden))
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(query)}"


def qr_code(text: str) -> bytes:
    """``text`` as a QR code, PNG, dark on light in both themes with the quiet zone that readers need."""
    import segno

    out = BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="png", scale=6, border=4)
    return out.getvalue()
