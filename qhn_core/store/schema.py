"""Tables of the run store, and their version."""

from __future__ import annotations

import sqlite3

from qhn_core.errors import StoreError

#: Version of the tables, in SQLite's user_version. A newer one is refused, an older one is brought up to date.
VERSION = 1

_TABLES = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    config TEXT NOT NULL,
    state TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL,
    updated REAL NOT NULL,
    step INTEGER NOT NULL DEFAULT 0,
    steps INTEGER NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0,
    summary TEXT NOT NULL DEFAULT '{}',
    owner TEXT REFERENCES owners(id) ON DELETE SET NULL
);
CREATE TABLE owners (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started REAL NOT NULL,
    heartbeat REAL NOT NULL
);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    layout TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX chunks_of_run ON chunks(run_id, first);
CREATE TABLE checkpoints (
    run_id TEXT PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    data BLOB NOT NULL
);
"""


def prepare(connection: sqlite3.Connection, *, path: str) -> None:
    """Create the tables in an empty database; refuse one that is newer or not ours."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version == 0:
            _create(connection, path)
        elif version > VERSION:
            raise StoreError(
                f"The run store {path} was written by a newer version of QHN Lab (tables {version}, this one knows "
                f"{VERSION}). Update QHN Lab, or choose another folder with --data or QHN_DATA. Nothing was changed."
            )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _create(connection: sqlite3.Connection, path: str) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StoreError(
            f"{path} is a database of another program. Choose another folder with --data or QHN_DATA. "
            "Nothing was changed."
        )
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
