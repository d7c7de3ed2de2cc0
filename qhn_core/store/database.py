"""An SQLite file in WAL mode: connections, transactions, and errors that people can read."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qhn_core.errors import StoreError
from qhn_core.store import schema

log = logging.getLogger(__name__)

#: A database up to this size is checked throughout when it is opened; a larger one only where it is read.
_CHECK_BYTES = 32 * 2**20
#: Free pages (4 KiB each) from which on shrinking is worth its while, and SQLite's number for incremental vacuum.
_FREE_PAGES, _INCREMENTAL = 512, 2
_REMEDY = "Choose another folder with --data or QHN_DATA, or make this one writable."


class Damaged(StoreError):
    """The database file is not a sound SQLite database."""


class Database:
    """Pooled connections to one file. A connection is used by one thread at a time; writers take turns.

    Args:
        path: the file; made if missing.
        timeout: seconds to wait for a lock that another process holds.
    """

    def __init__(self, path: Path, *, timeout: float) -> None:
        self.path, self.timeout = path, timeout
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writing = threading.Lock()
        self._pid = os.getpid()
        with self._translated(), self.borrowed() as connection:
            schema.prepare(connection, path=str(path))
            self._check(connection)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection in a read transaction: all its queries see one state of the database."""
        with self._translated(), self.borrowed() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A connection in a write transaction, committed at the end, rolled back on any error."""
        if not self._writing.acquire(timeout=self.timeout):
            raise StoreError(f"The run store {self.path} is busy; nothing was written. Try again.")
        try:
            with self._translated(), self.borrowed() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        finally:
            self._writing.release()

    def shrink(self) -> None:
        """Give pages that deleted rows have left back to the disk.

        A database begun without incremental vacuum is written anew once, where nobody else uses it.
        """
        with self._translated(), self.borrowed() as connection:
            free = connection.execute("PRAGMA freelist_count").fetchone()[0]
            if free < _FREE_PAGES:
                return
            if connection.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
                connection.executescript("PRAGMA incremental_vacuum")  # execute() would give back a single page
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                return
            try:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("VACUUM")
            except sqlite3.OperationalError as error:  # busy, or no room for a second copy: another time
                log.info("run store %s not shrunk: %s", self.path, error)

    def close(self) -> None:
        """Close idle connections; the object can still be used."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def borrowed(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            if self._pid != os.getpid():  # after a fork the parent's connections must not be touched
                self._idle, self._pid = [], os.getpid()
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._guard:
            self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self.timeout, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            connection.row_factory = sqlite3.Row
            # A text that is not UTF-8 spoils its own row, not the whole answer.
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            if connection.execute("PRAGMA page_count").fetchone()[0] == 0:  # has to come before the first table
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._use_wal(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA journal_size_limit = {16 * 2**20}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """Readers and one writer at once. SQLite does not wait for others when it changes the mode, so we do."""
        deadline = time.monotonic() + self.timeout
        while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                threading.Event().wait(0.02)

    def _check(self, connection: sqlite3.Connection) -> None:
        if self.path.stat().st_size <= _CHECK_BYTES:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise Damaged(f"The run store {self.path} is damaged ({found}).")
        connection.execute("SELECT count(*) FROM runs").fetchone()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self.path) from error
        except OSError as error:
            raise StoreError(f"The run store {self.path} cannot be used: {error.strerror}. {_REMEDY}") from error


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """A StoreError that says what an SQLite error means and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"The run store {path} is locked by another program; nothing was written. "
            "Close what holds it, or choose another folder with --data or QHN_DATA."
        )
    if code == sqlite3.SQLITE_FULL:
        return StoreError(f"The disk is full: the run store {path} could not be written. Free some space.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(f"The run store {path} cannot be opened for writing. {_REMEDY}")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return Damaged(f"The run store {path} is damaged ({error}). It is set aside when the program starts again.")
    return StoreError(f"The run store {path} could not be used ({error}).")


def set_aside(path: Path) -> Path:
    """Rename a damaged database, with its side files, so that a new one can begin. Returns where it went."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    target = _free_name(path, stamp)
    for suffix in ("-wal", "-shm", ""):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(target.with_name(target.name + suffix))
    log.warning("damaged run store %s set aside as %s", path, target)
    return target


def _free_name(path: Path, stamp: str) -> Path:
    for number in range(1000):
        tail = f"-{number}" if number else ""
        target = path.with_name(f"{path.stem}.damaged-{stamp}{tail}{path.suffix}")
        if not target.exists():
            return target
    raise StoreError(f"{path.parent} holds too many damaged run stores; move them away.")


def open_or_begin_anew(path: Path, *, timeout: float) -> tuple[Database, str]:
    """The database, and a notice for the user if a damaged one had to be set aside (else an empty string)."""
    try:
        return Database(path, timeout=timeout), ""
    except Damaged as first:
        with _alone(path.with_name(path.name + ".repair")):
            try:  # another process may have repaired it meanwhile
                return Database(path, timeout=timeout), ""
            except Damaged:
                target = set_aside(path)
        log.warning("%s", first)
        notice = (
            f"The run store was damaged and could not be read. It was set aside as {target.name} in {target.parent}, "
            "unchanged, and a new, empty one was begun."
        )
        return Database(path, timeout=timeout), notice


@contextmanager
def _alone(lock: Path, *, patience: float = 10.0) -> Iterator[None]:
    """Only one process at a time; a lock left by a process that died is taken over after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    wait = threading.Event()
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                break
            wait.wait(0.05)
    try:
        yield
    finally:
        try:
            lock.rmdir()
        except OSError:
            log.debug("repair lock %s was already gone", lock)
