"""Chunks of a run's history in the database: append, read, cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from qhn_core.store import chunks
from qhn_core.store.chunks import Block, Rows
from qhn_core.store.exports import Table
from qhn_core.store.summary import Summary, extend
from qhn_core.store.thinned import Thinned

#: A last chunk smaller than this is rewritten with what follows, so that a slow run does not leave a chunk a step.
_FULL_BYTES = 64 * 1024
#: No chunk is larger (but for a single row), so that who reads them one after the other needs little memory.
MOST_BYTES = 4 * 2**20


def append(db: sqlite3.Connection, run_id: str, block: Block, summary: Mapping[str, Mapping[str, float]]) -> Summary:
    """Write ``block`` after the run's rows, replacing those from its first step on; returns the new summary."""
    last = db.execute("SELECT max(last) AS last FROM chunks WHERE run_id = ?", (run_id,)).fetchone()["last"]
    if last is not None and last >= block.steps[0]:
        cut = truncate(db, run_id, int(block.steps[0]))
        summary = cut if cut is not None else summary
    merged = _with_tail(db, run_id, block)
    _insert(db, run_id, merged)
    return extend(summary, block)


def read(db: sqlite3.Connection, run_id: str, since: int) -> list[Block]:
    """Blocks of the rows with step ≥ ``since``."""
    rows = db.execute("SELECT layout, data FROM chunks WHERE run_id = ? AND last >= ? ORDER BY first", (run_id, since))
    blocks = [chunks.decode(row["layout"], row["data"]) for row in rows]
    return [chunks.between(block, since) for block in blocks]


def stream(db: sqlite3.Connection, run_id: str) -> Iterator[Block]:
    """All blocks of a run, one in memory at a time."""
    for row in db.execute("SELECT layout, data FROM chunks WHERE run_id = ? ORDER BY first", (run_id,)):
        yield chunks.decode(row["layout"], row["data"])


def table(db: sqlite3.Connection, run_id: str) -> Table:
    """The history block by block; to be read while the transaction is open."""
    query = "SELECT layout FROM chunks WHERE run_id = ? GROUP BY layout ORDER BY min(first)"
    names, replicas = chunks.whole(chunks.kind(row["layout"]) for row in db.execute(query, (run_id,)))
    return Table(names, replicas, lambda: (chunks.aligned(block, names, replicas) for block in stream(db, run_id)))


def curves(db: sqlite3.Connection, run_id: str) -> Rows:
    """The rows that curves need (:class:`~qhn_core.store.thinned.Thinned`), with few others in memory."""
    found = Thinned()
    for block in table(db, run_id).blocks():
        found.extend(block)
    return found.rows()


def read_rows(db: sqlite3.Connection, run_id: str, wanted: Sequence[str] = ()) -> Rows:
    """All rows of a run with the metrics ``wanted``, by default with all.

    They are filled in chunk by chunk, so that a long history is in memory once and not three times.
    """
    layouts = db.execute("SELECT layout FROM chunks WHERE run_id = ?", (run_id,))
    total = sum(chunks.rows_in(row["layout"]) for row in layouts)
    found = table(db, run_id)
    names = tuple(name for name in found.names if not wanted or name in wanted)
    steps, values = np.zeros(total, dtype=np.int64), np.empty((total, len(names), found.replicas))
    first = 0
    for block in found.blocks():
        last = first + len(block.steps)
        steps[first:last], values[first:last] = block.steps, chunks.aligned(block, names, found.replicas).values
        first = last
    return Rows(steps, {name: values[:, i] for i, name in enumerate(names)})


def count(db: sqlite3.Connection, run_id: str) -> int:
    """Rows of a run."""
    return sum(
        chunks.rows_in(row["layout"]) for row in db.execute("SELECT layout FROM chunks WHERE run_id = ?", (run_id,))
    )


def truncate(db: sqlite3.Connection, run_id: str, step: int) -> Summary | None:
    """Drop rows with step ≥ ``step``; returns the summary of what is left, or None if nothing was dropped."""
    cut = db.execute(
        "SELECT id, layout, data FROM chunks WHERE run_id = ? AND last >= ? ORDER BY first", (run_id, step)
    ).fetchall()
    if not cut:
        return None
    db.execute("DELETE FROM chunks WHERE run_id = ? AND last >= ?", (run_id, step))
    kept = chunks.between(chunks.decode(cut[0]["layout"], cut[0]["data"]), 0, step)
    if len(kept.steps):
        _insert(db, run_id, kept)
    summary: Summary = {}
    for block in read(db, run_id, 0):
        summary = extend(summary, block)
    return summary


def _with_tail(db: sqlite3.Connection, run_id: str, block: Block) -> Block:
    """``block`` preceded by the run's last chunk if that is small and of the same kind, which is then removed."""
    query = "SELECT id, layout, length(data) AS size FROM chunks WHERE run_id = ? ORDER BY first DESC LIMIT 1"
    row = db.execute(query, (run_id,)).fetchone()
    if row is None or row["size"] >= _FULL_BYTES:
        return block
    data = db.execute("SELECT data FROM chunks WHERE id = ?", (row["id"],)).fetchone()["data"]
    tail = chunks.decode(row["layout"], data)
    if tail.names != block.names or tail.values.shape[2] != block.values.shape[2]:
        return block
    db.execute("DELETE FROM chunks WHERE id = ?", (row["id"],))
    return chunks.join([tail, block])


def _insert(db: sqlite3.Connection, run_id: str, block: Block) -> None:
    rows = max(1, MOST_BYTES // max(block.values[0].nbytes, 1))
    for first in range(0, len(block.steps), rows):
        part = Block(block.steps[first : first + rows], block.names, block.values[first : first + rows])
        layout, data = chunks.encode(part)
        db.execute(
            "INSERT INTO chunks (run_id, first, last, layout, data) VALUES (?,?,?,?,?)",
            (run_id, int(part.steps[0]), int(part.steps[-1]), layout, data),
        )
