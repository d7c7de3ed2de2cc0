"""The end of a class: its answers and runs in one file, then the doors are closed, with or without a trace."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import streamlit as st

from app import experiment, services
from app.classroom import Classroom
from app.views.classroom import people


def show(room: Classroom) -> None:
    """Export, close, or close and wipe; what cannot be undone asks twice."""
    st.download_button(
        "Export answers and runs",
        data=lambda: export(room),
        file_name="class.zip",
        mime="application/zip",
        icon=":material/download:",
        key="class.export",
        on_click="ignore",
        help="One file with what was answered and trained, without names",
    )
    st.caption("Answers without names, one line each; the settings and last values of every run.")
    sure = st.checkbox(
        "I want to end this class now",
        key="class.sure",
        help="A second look before anything ends: the buttons below work once this is ticked.",
    )
    keep, wipe = st.columns([1, 3])
    keep.button(
        "Close the class",
        on_click=_close,
        args=(room, False),
        disabled=not sure,
        key="class.close",
        help="Nobody can enter any more; runs and answers are kept",
    )
    wipe.button(
        "Close it and delete all runs and answers of students",
        on_click=_close,
        args=(room, True),
        disabled=not sure,
        type="primary",
        key="class.wipe",
        help="Nobody can enter any more, and nothing of the students is kept",
    )


def _close(room: Classroom, wipe: bool) -> None:
    """Stop what students train, then void codes and places."""
    people.stop_all(room)
    experiment.forget()
    room.end(wipe=wipe)


def export(room: Classroom) -> bytes:
    """A zip archive with ``answers.csv`` and ``runs.csv``; people are numbered, not named."""
    store, out = services.shared_store(), io.BytesIO()
    answers: list[list[Any]] = [["person", "lesson", "step", "kind", "answer", "sure", "correct", "time"]]
    runs: list[list[Any]] = [["person", "run", "name", "state", "step", "steps", "settings", "last values"]]
    for number, person in enumerate(room.students(), start=1):
        for a in store.answers.of_browser(person.id):
            value = json.dumps(a.value, ensure_ascii=False)
            answers.append([number, a.lesson, a.step, a.kind, value, a.sure, a.correct, a.created.isoformat()])
        for r in store.of(person.id).list():
            last = {metric: entry["final"] for metric, entry in r.summary.items() if "final" in entry}
            runs.append([number, r.id, r.name, r.state.value, r.step, r.steps, r.config_json, json.dumps(last)])
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, table in (("answers.csv", answers), ("runs.csv", runs)):
            text = io.StringIO()
            csv.writer(text).writerows([[_plain(cell) for cell in row] for row in table])
            archive.writestr(name, text.getvalue())
    return out.getvalue()


def _plain(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" else cell
