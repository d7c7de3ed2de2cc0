"""Whole states of a run at some of its steps, from which it can be gone on: keep, find, let go."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.store.checkpoint import pack, unpack

#: Bytes of all runs' states together; beyond it those of the oldest runs that are not pinned are let go.
MOST_IN_ALL = 2**30
State = Mapping[str, NDArray[Any]]
#: Step number and state.
Kept = Sequence[tuple[int, State]]


def keep(db: sqlite3.Connection, run_id: str, states: Sequence[tuple[int, bytes]]) -> None:
    """Add packed states by step; one that is there already is replaced."""
    rows = [(run_id, step, blob) for step, blob in states]
    db.executemany("REPLACE INTO states (run_id, step, data) VALUES (?,?,?)", rows)
    db.execute("UPDATE runs SET kept = kept + ? WHERE id = ?", (sum(len(blob) for _, blob in states), run_id))


def packed(states: Kept) -> list[tuple[int, bytes]]:
    """States as they are kept."""
    return [(step, pack(arrays)) for step, arrays in states]


def steps(db: sqlite3.Connection, run_id: str) -> NDArray[np.int64]:
    """Steps whose states are kept, increasing."""
    rows = db.execute("SELECT step FROM states WHERE run_id = ? ORDER BY step", (run_id,))
    return np.array([row["step"] for row in rows], dtype=np.int64)


def read(db: sqlite3.Connection, run_id: str, step: int) -> dict[str, NDArray[Any]] | None:
    """The state kept at this step; None if there is none."""
    row = db.execute("SELECT data FROM states WHERE run_id = ? AND step = ?", (run_id, step)).fetchone()
    return None if row is None else unpack(row["data"])


def truncate(db: sqlite3.Connection, run_id: str, step: int) -> None:
    """Let go of states from this step on."""
    query = "SELECT coalesce(sum(length(data)), 0) AS size FROM states WHERE run_id = ? AND step >= ?"
    size = db.execute(query, (run_id, step)).fetchone()["size"]
    db.execute("DELETE FROM states WHERE run_id = ? AND step >= ?", (run_id, step))
    db.execute("UPDATE runs SET kept = max(0, kept - ?) WHERE id = ?", (size, run_id))


def make_room(db: sqlite3.Connection, most: int = MOST_IN_ALL) -> None:
    """Let go of the states of the oldest runs that nobody trains or has pinned, until all take at most ``most``."""
    held = int(db.execute("SELECT coalesce(sum(kept), 0) AS held FROM runs").fetchone()["held"])
    if held <= most:
        return
    query = "SELECT id, kept FROM runs WHERE kept > 0 AND pinned = 0 AND owner IS NULL ORDER BY created"
    for row in db.execute(query).fetchall():
        db.execute("DELETE FROM states WHERE run_id = ?", (row["id"],))
        db.execute("UPDATE runs SET kept = 0 WHERE id = ?", (row["id"],))
        held -= row["kept"]
        if held <= most:
            return
