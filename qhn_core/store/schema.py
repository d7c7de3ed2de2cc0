"""Tables of the run store, and their version."""

from __future__ import annotations

import sqlite3

from qhn_core.errors import StoreError

#: Version of the tables, in SQLite's user_version. A newer one is refused, an older one is brought up to date.
VERSION = 5

#: What version 1 began with; :data:`_CHANGES` comes on top of it.
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

#: Version -> what it added. A store goes through all that are newer than itself, in one transaction.
_CHANGES = {
    2: """
CREATE TABLE answers (
    browser TEXT NOT NULL,
    lesson TEXT NOT NULL,
    step TEXT NOT NULL,
    kind TEXT NOT NULL,
    answer TEXT NOT NULL,
    sure INTEGER NOT NULL,
    correct INTEGER,
    created REAL NOT NULL,
    PRIMARY KEY (browser, lesson, step)
);
CREATE INDEX answers_of_step ON answers(lesson, step);
CREATE TABLE places (
    browser TEXT NOT NULL,
    lesson TEXT NOT NULL,
    step TEXT NOT NULL,
    updated REAL NOT NULL,
    PRIMARY KEY (browser, lesson)
);
""",
    3: """
ALTER TABLE runs ADD COLUMN person TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_in_order ON runs(pinned DESC, created DESC, id);
CREATE INDEX runs_of_person ON runs(person, pinned DESC, created DESC, id);
CREATE TABLE classes (
    id TEXT PRIMARY KEY,
    began REAL NOT NULL,
    expires REAL NOT NULL,
    salt BLOB NOT NULL,
    student BLOB NOT NULL,
    teacher BLOB NOT NULL
);
CREATE TABLE people (
    id TEXT PRIMARY KEY,
    class TEXT NOT NULL REFERENCES classes(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    teacher INTEGER NOT NULL,
    secret BLOB NOT NULL UNIQUE,
    joined REAL NOT NULL,
    seen REAL NOT NULL
);
""",
    4: """
CREATE TABLE races (
    id TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    contenders INTEGER NOT NULL,
    person TEXT NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE lanes (
    race TEXT NOT NULL REFERENCES races(id) ON DELETE CASCADE,
    contender INTEGER NOT NULL,
    run TEXT NOT NULL UNIQUE REFERENCES runs(id) ON DELETE CASCADE,
    PRIMARY KEY (race, contender)
);
CREATE TABLE lane_seconds (
    run TEXT NOT NULL REFERENCES lanes(run) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (run, first)
);
""",
    5: """
ALTER TABLE runs ADD COLUMN parent TEXT REFERENCES runs(id) ON DELETE SET NULL;
ALTER TABLE runs ADD COLUMN forked INTEGER;
ALTER TABLE runs ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_of_parent ON runs(parent);
CREATE TABLE states (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (run_id, step)
);
""",
}


def prepare(connection: sqlite3.Connection, *, path: str) -> None:
    """Create the tables in an empty database; refuse one that is newer or not ours."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version == 0:
            _refuse_foreign(connection, path)
            _execute(connection, _TABLES)
        if version > VERSION:
            raise StoreError(
                f"The run store {path} was written by a newer version of QHN Lab (tables {version}, this one knows "
                f"{VERSION}). Update QHN Lab, or choose another folder with --data or QHN_DATA. Nothing was changed."
            )
        for number, change in _CHANGES.items():
            if number > version:
                _execute(connection, change)
        if version < VERSION:
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _refuse_foreign(connection: sqlite3.Connection, path: str) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StoreError(
            f"{path} is a database of another program. Choose another folder with --data or QHN_DATA. "
            "Nothing was changed."
        )


def _execute(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            connection.execute(statement)
