"""Class: who is here and where, and what the teacher puts on every screen."""

from __future__ import annotations

import streamlit as st

from app import class_bar, classroom, qr
from app.classroom import Classroom
from app.views.classroom import ending, experiment, people, predictions, sending

#: Seconds between refreshes of what changes by itself.
REFRESH = 2.0
_TABS = ("People", "Predictions", "Experiment", "Send", "End the class")


def page() -> None:
    """The page; for the teacher alone, whatever address somebody typed."""
    room = classroom.classroom()
    if room is None or not class_bar.is_teacher():
        st.info("This page is for the teacher of a class.", icon=":material/info:")
        return
    _head(room)
    shown, answers, together, send, end = st.tabs(_TABS)
    with shown:
        people.buttons(room)
        st.fragment(people.table, run_every=REFRESH)(room)
    with answers:
        question = predictions.choose()
        if question is not None:
            st.fragment(predictions.picture, run_every=REFRESH)(room, *question)
    with together:
        experiment.show(room)
        st.fragment(experiment.progress, run_every=REFRESH)(room)
    with send:
        sending.show(room)
    with end:
        ending.show(room)


def _head(room: Classroom) -> None:
    """How students come in, large enough for the projector; for the last row, over the whole screen."""
    left, right = st.columns([1, 5], gap="medium", vertical_alignment="center")
    with left:
        st.image(qr.code(room.link), width=150)
        qr.entrance(room.link, said=f"Class code: {room.codes.student}", key="class.qr")
    with right:
        st.markdown(f"### {room.link}\n## Class code: `{room.codes.student}`")


if __name__ == "__main__":
    page()
