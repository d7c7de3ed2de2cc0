"""Which process holds a run: refused to others while that one lives, let go once it is gone."""

from __future__ import annotations

import sqlite3
import time

from qhn_core.errors import StoreError
from qhn_core.store.owner import Owner, is_alive
from qhn_core.store.record import RunState

_ACTIVE = tuple(state.value for state in RunState if state.active)


def enter(db: sqlite3.Connection, owner: Owner) -> None:
    """Note the process, and that it lives at this moment."""
    db.execute(
        "INSERT INTO owners (id, host, pid, started, heartbeat) VALUES (?,?,?,?,?) "
        "ON CONFLICT (id) DO UPDATE SET heartbeat = excluded.heartbeat",
        (owner.id, owner.host, owner.pid, owner.started, time.time()),
    )


def holder_of(db: sqlite3.Connection, run_id: str) -> sqlite3.Row | None:
    """The living process that holds the run; None where there is none."""
    query = "SELECT owners.* FROM runs JOIN owners ON owners.id = runs.owner WHERE runs.id = ?"
    found = db.execute(query, (run_id,)).fetchone()
    return found if found is not None and _lives(found) else None


def refuse_if_held(db: sqlite3.Connection, run: sqlite3.Row, me: Owner, *, but_me: bool) -> None:
    """StoreError where a living process holds an active run (its row with ``id`` and ``state``).

    Args:
        but_me: whether ``me`` itself may hold it.
    """
    holder = holder_of(db, run["id"])
    if run["state"] not in _ACTIVE or holder is None or (but_me and holder["id"] == me.id):
        return
    where = "this program" if holder["id"] == me.id else f"another program (process {holder['pid']})"
    raise StoreError(f"Run {run['id']} is {run['state']} in {where}. Stop it there first.")


def interrupt_abandoned(db: sqlite3.Connection) -> tuple[str, ...]:
    """Mark active runs whose process is gone as interrupted, and forget such processes; returns the runs' ids."""
    query = (
        "SELECT runs.id AS run_id, owners.* FROM runs LEFT JOIN owners ON owners.id = runs.owner "  # noqa: S608
        f"WHERE runs.state IN ({','.join('?' * len(_ACTIVE))})"
    )
    gone = [row["run_id"] for row in db.execute(query, _ACTIVE) if row["id"] is None or not _lives(row)]
    for run_id in gone:
        db.execute(
            "UPDATE runs SET state = ?, message = ?, owner = NULL WHERE id = ?",
            (RunState.INTERRUPTED.value, "The program ended while this run was in work.", run_id),
        )
    for row in db.execute("SELECT * FROM owners").fetchall():
        if not _lives(row):
            db.execute("DELETE FROM owners WHERE id = ?", (row["id"],))
    return tuple(gone)


def _lives(owner: sqlite3.Row) -> bool:
    return is_alive(
        pid=owner["pid"],
        started=owner["started"],
        host=owner["host"],
        heartbeat=owner["heartbeat"],
        now=time.time(),
    )
