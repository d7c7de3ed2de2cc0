"""Races in the store: which runs are the contenders of which race, and the seconds that each has used."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.errors import StoreError
from qhn_core.store.database import Database

_SECONDS = np.dtype("<f8")


@dataclass(frozen=True)
class RaceRecord:
    """A race that the store knows.

    Args:
        id: as it is known by in memory, too.
        config_json: the race's configuration as JSON text.
        runs: ids of its contenders' runs, in their order.
        person: whose it is, in a class; empty elsewhere.
    """

    id: str
    config_json: str
    runs: tuple[str, ...]
    person: str


class RaceTable:
    """The tables of races; safe for threads and processes, each method one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, race_id: str, config_json: str, runs: Sequence[str], *, person: str = "") -> None:
        """Enter a race whose contenders' runs are there."""
        with self._database.write() as db:
            db.execute("INSERT INTO races VALUES (?,?,?,?,?)", (race_id, config_json, len(runs), person, time.time()))
            db.executemany("INSERT INTO lanes VALUES (?,?,?)", [(race_id, i, run) for i, run in enumerate(runs)])

    def get(self, race_id: str) -> RaceRecord | None:
        """The race; None where there is none of this id, or where one of its runs was deleted."""
        with self._database.read() as db:
            row = db.execute("SELECT * FROM races WHERE id = ?", (race_id,)).fetchone()
            lanes = db.execute("SELECT run FROM lanes WHERE race = ? ORDER BY contender", (race_id,)).fetchall()
        if row is None or len(lanes) != row["contenders"]:
            return None
        return RaceRecord(row["id"], row["config"], tuple(lane["run"] for lane in lanes), row["person"])

    def of_run(self, run_id: str) -> RaceRecord | None:
        """The race that a run is a contender of; None for none."""
        with self._database.read() as db:
            row = db.execute("SELECT race FROM lanes WHERE run = ?", (run_id,)).fetchone()
        return None if row is None else self.get(row["race"])

    def seconds(self, run_id: str, rows: int) -> NDArray[np.float64]:
        """Computing seconds up to each of a contender's first ``rows`` rows, (rows,).

        Rows that it logged outside of its race are charged nothing: the last known value stands for them.
        """
        with self._database.read() as db:
            found = db.execute("SELECT data FROM lane_seconds WHERE run = ? ORDER BY first", (run_id,)).fetchall()
        known = [np.frombuffer(row["data"], dtype=_SECONDS) for row in found]
        joined = np.concatenate([np.zeros(0), *known])[:rows]
        last = joined[-1] if len(joined) else 0.0
        return np.concatenate([joined, np.full(rows - len(joined), last)])


def append_seconds(db: sqlite3.Connection, run_id: str, first: int, seconds: ArrayLike) -> None:
    """Write a contender's seconds from its row number ``first`` on, in place of those that stand there."""
    values = np.asarray(seconds, dtype=_SECONDS)
    if db.execute("SELECT 1 FROM lanes WHERE run = ?", (run_id,)).fetchone() is None:
        raise StoreError(f"Run {run_id} belongs to no race, so it has no seconds to keep.")
    kept = db.execute(
        "SELECT first, data FROM lane_seconds WHERE run = ? AND first < ? ORDER BY first DESC LIMIT 1", (run_id, first)
    ).fetchone()
    db.execute("DELETE FROM lane_seconds WHERE run = ? AND first >= ?", (run_id, first))
    if kept is not None and len(kept["data"]) < 64 * 1024:  # short pieces are joined, so that there are never many
        before = np.frombuffer(kept["data"], dtype=_SECONDS)[: first - kept["first"]]
        first, values = kept["first"], np.concatenate([before, values])
    db.execute("REPLACE INTO lane_seconds VALUES (?,?,?)", (run_id, first, values.tobytes()))
