"""Runs, with histories and checkpoints, and answers to lessons, in one SQLite database under the data folder."""

from __future__ import annotations

from qhn_core.store.answers import Answer, Answers
from qhn_core.store.chunks import Rows
from qhn_core.store.folder import data_dir
from qhn_core.store.parcel import Parcel
from qhn_core.store.record import RunRecord, RunState
from qhn_core.store.rows import TakenOver, UnknownRun
from qhn_core.store.run_store import RunStore

__all__ = [
    "Answer",
    "Answers",
    "Parcel",
    "Rows",
    "RunRecord",
    "RunState",
    "RunStore",
    "TakenOver",
    "UnknownRun",
    "data_dir",
]
