"""Writing what is new of a run, within a transaction."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from qhn_core.store import history, states
from qhn_core.store.checkpoint import pack
from qhn_core.store.chunks import to_block
from qhn_core.store.owner import Owner
from qhn_core.store.parcel import Parcel
from qhn_core.store.races import append_seconds
from qhn_core.store.rows import TakenOver, update

_MAX_MESSAGE = 2_000


class Packed:
    """A parcel whose parts are checked and packed, before any lock is taken."""

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        self.block = to_block(parcel.steps, parcel.rows) if parcel.rows else None
        self.checkpoint = pack(parcel.arrays) if parcel.arrays else None
        self.kept = states.packed(parcel.kept)

    def write(self, db: sqlite3.Connection, run: sqlite3.Row, me: Owner) -> None:
        """Write it to the run (its row with ``owner`` and ``summary``); TakenOver where another process holds it."""
        parcel, block = self.parcel, self.block
        if run["owner"] not in (None, me.id):
            raise TakenOver(parcel.run_id)
        fields: dict[str, Any] = {"updated": time.time()}
        if block is not None and len(block.steps):
            fields["summary"] = json.dumps(history.append(db, parcel.run_id, block, json.loads(run["summary"])))
            if parcel.seconds is not None:
                first = history.count(db, parcel.run_id) - len(block.steps)
                append_seconds(db, parcel.run_id, first, parcel.seconds)
        if self.checkpoint is not None:
            values = (parcel.run_id, parcel.step or 0, self.checkpoint)
            db.execute("REPLACE INTO checkpoints (run_id, step, data) VALUES (?,?,?)", values)
        if parcel.step is not None:
            fields["step"] = parcel.step
        if parcel.message is not None:
            fields["message"] = parcel.message[:_MAX_MESSAGE]
        if parcel.state is not None:
            fields["state"] = parcel.state.value
            fields["owner"] = me.id if parcel.state.active else None
        update(db, parcel.run_id, fields)
        states.keep(db, parcel.run_id, self.kept)
