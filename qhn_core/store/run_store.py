"""The store of runs: one SQLite database and the folder of uploads."""

from __future__ import annotations

import copy
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.errors import InvalidArgument, StoreError, TooLarge
from qhn_core.store import exports, history, states
from qhn_core.store.answers import Answers
from qhn_core.store.checkpoint import pack, unpack
from qhn_core.store.chunks import Rows, to_rows
from qhn_core.store.database import open_or_begin_anew
from qhn_core.store.folder import data_dir
from qhn_core.store.history_cache import HistoryCache
from qhn_core.store.holding import enter, holder_of, interrupt_abandoned, refuse_if_held
from qhn_core.store.owner import Owner
from qhn_core.store.parcel import Parcel
from qhn_core.store.people import People
from qhn_core.store.races import RaceTable
from qhn_core.store.record import RunRecord, RunState
from qhn_core.store.rows import (
    COLUMNS,
    MAX_NAME,
    MAX_NOTE,
    UnknownRun,
    clean_text,
    default_name,
    find,
    to_record,
    update,
)
from qhn_core.store.writing import Packed

if TYPE_CHECKING:
    from qhn_core.config import RunConfig

#: Letters of run ids: no capitals, and none that are taken for another when read aloud or typed.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_ID_LENGTH = 8
_MAX_CONFIG = 2**20

_Records = list[RunRecord]


class RunStore:
    """Runs, their histories and checkpoints, in ``runs.sqlite3`` of a data folder. Safe for threads and processes.

    Every method is one transaction: after a crash, all of it is there or none. All raise
    :class:`~qhn_core.errors.StoreError` with a message for people if the database cannot be used.

    Args:
        folder: the data folder, made if missing; by default :func:`~qhn_core.store.data_dir`.
        timeout: seconds to wait while another process holds the database.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, *, timeout: float = 5.0) -> None:
        self.folder = data_dir(folder)
        #: Uploaded files, named by content hash.
        self.uploads = self.folder / "uploads"
        #: What the user should be told about the state of the store (a damaged one set aside).
        self.notices: list[str] = []
        try:
            self.uploads.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The data folder {self.folder} cannot be made ({error.strerror}). "
                "Choose another with --data or QHN_DATA."
            ) from error
        self.database, notice = open_or_begin_anew(self.folder / "runs.sqlite3", timeout=timeout)
        if notice:
            self.notices.append(notice)
        #: Who belongs to a class.
        self.people = People(self.database)
        #: What people answered in lessons.
        self.answers = Answers(self.database)
        #: Which runs are contenders of which race.
        self.races = RaceTable(self.database)
        self.owner = Owner()
        self._person = ""
        self._histories = HistoryCache()
        self.heartbeat()

    @property
    def path(self) -> Path:
        """The database file."""
        return self.database.path

    def close(self) -> None:
        """Close the connections; the store opens new ones if it is used again."""
        self.database.close()

    # ------------------------------------------------------------------------------------------- runs

    def of(self, person: str) -> RunStore:
        """The store as one person sees it: runs of others are not found, and new ones are theirs."""
        mine = copy.copy(self)
        mine._person = person
        return mine

    def create(
        self,
        config: RunConfig | str,
        *,
        name: str | None = None,
        state: RunState = RunState.QUEUED,
        steps: int = 0,
        begin: tuple[int, Mapping[str, NDArray[Any]]] | None = None,
        parent: str | None = None,
    ) -> str:
        """Enter a run that this process holds; returns its id.

        Args:
            config: the configuration, or its JSON text (then with ``steps``, its number of steps).
            name: free text; by default made from the configuration.
            state: where it stands at first.
            begin: the step at which it begins, and its checkpoint there; None for step 0.
            parent: the run that it branches off there.
        """
        text = config if isinstance(config, str) else config.to_json()
        total = steps if isinstance(config, str) else int(config.steps)
        if len(text) > _MAX_CONFIG:
            raise TooLarge(f"A configuration may take {_MAX_CONFIG} characters; this one has {len(text)}.")
        title = clean_text("name", name, MAX_NAME) if name else default_name(text)
        now, blob = time.time(), None if begin is None else pack(begin[1])
        at = 0 if begin is None else begin[0]
        with self.database.write() as db:
            enter(db, self.owner)
            states.make_room(db)
            while True:
                run_id = "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))
                if db.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone() is None:
                    break
            db.execute(
                "INSERT INTO runs (id, name, config, state, created, updated, step, steps, owner, person, parent, "
                "forked) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    run_id,
                    title,
                    text,
                    state.value,
                    now,
                    now,
                    at,
                    total,
                    self.owner.id if state.active else None,
                    self._person,
                    parent,
                    None if parent is None else at,
                ),
            )
            if blob is not None:
                db.execute("INSERT INTO checkpoints (run_id, step, data) VALUES (?,?,?)", (run_id, at, blob))
        return run_id

    def get(self, run_id: str) -> RunRecord:
        """The run's record; :class:`UnknownRun` if there is none."""
        with self.database.read() as db:
            return to_record(self._find(db, run_id, COLUMNS))

    def list(self, *, states: Iterable[RunState] | None = None, limit: int | None = None) -> _Records:
        """Records, pinned ones first, then the newest first."""
        wanted = [] if states is None else [RunState(state).value for state in states]
        chosen = "1" if states is None else f"state IN ({','.join('?' * len(wanted))})"
        query = f"SELECT {COLUMNS} FROM runs WHERE {chosen} AND {self._mine} "  # noqa: S608 - only question marks
        query += "ORDER BY pinned DESC, created DESC, id LIMIT ?"
        with self.database.read() as db:
            rows = db.execute(query, (*wanted, *self._who, -1 if limit is None else limit)).fetchall()
        return [to_record(row) for row in rows]

    def resolve(self, prefix: str) -> str:
        """The id that begins with ``prefix``; :class:`UnknownRun` if none does, InvalidArgument if several do."""
        with self.database.read() as db:
            found = [
                row["id"]
                for row in db.execute(
                    f"SELECT id FROM runs WHERE substr(id, 1, ?) = ? AND {self._mine} ORDER BY id LIMIT 6",  # noqa: S608
                    (len(prefix), prefix, *self._who),
                )
            ]
        if prefix in found or (len(found) == 1 and prefix):
            return prefix if prefix in found else found[0]
        if not found or not prefix:
            raise UnknownRun(prefix)
        raise InvalidArgument("run", expected="the beginning of one run's id", got=f"{prefix}: {', '.join(found)}")

    def rename(self, run_id: str, name: str) -> None:
        """Give the run another name, up to 200 characters."""
        self._update(run_id, name=clean_text("name", name, MAX_NAME) or default_name(self.get(run_id).config_json))

    def set_note(self, run_id: str, note: str) -> None:
        """Replace the run's note, up to 20,000 characters."""
        self._update(run_id, note=clean_text("note", note, MAX_NOTE, lines=True))

    def set_pinned(self, run_id: str, pinned: bool = True) -> None:
        """Pin the run to the top of lists, or unpin it."""
        self._update(run_id, pinned=int(pinned))

    def delete(self, run_id: str) -> None:
        """Remove the run for good; refused while a living process holds it."""
        with self.database.write() as db:
            refuse_if_held(db, self._find(db, run_id, "id, state"), self.owner, but_me=False)
            db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
        self.database.shrink()

    # -------------------------------------------------------------------------------- state and owner

    def set_state(self, run_id: str, state: RunState | str, message: str = "") -> None:
        """Set state and message. A run that is no longer active is let go by the process that held it."""
        self.flush(run_id, state=RunState(state), message=message)

    def claim(self, run_id: str, *, state: RunState = RunState.QUEUED) -> RunRecord:
        """Take hold of a run in order to train it; StoreError if another living process holds it."""
        with self.database.write() as db:
            enter(db, self.owner)
            refuse_if_held(db, self._find(db, run_id, "id, state"), self.owner, but_me=True)
            db.execute(
                "UPDATE runs SET owner = ?, state = ?, message = '', updated = ? WHERE id = ?",
                (self.owner.id, state.value, time.time(), run_id),
            )
            return to_record(self._find(db, run_id, COLUMNS))

    def heartbeat(self) -> None:
        """Say that this process lives; to be called every few seconds while it trains."""
        with self.database.write() as db:
            enter(db, self.owner)

    def held_elsewhere(self, run_id: str) -> bool:
        """Whether another living process holds the run."""
        with self.database.read() as db:
            self._find(db, run_id, "id")
            holder = holder_of(db, run_id)
        return holder is not None and holder["id"] != self.owner.id

    def mark_interrupted(self) -> tuple[str, ...]:
        """Mark active runs whose process is gone as interrupted; returns their ids. To be called at start."""
        with self.database.write() as db:
            return interrupt_abandoned(db)

    # ------------------------------------------------------------------------- history and checkpoint

    def append(self, run_id: str, steps: ArrayLike, rows: Mapping[str, ArrayLike]) -> None:
        """Add logged steps: ``steps`` (T,) and {metric: (T, B)}. Rows from the first of them on are replaced."""
        self.flush(run_id, steps=steps, rows=rows)

    def checkpoint(self, run_id: str, arrays: Mapping[str, NDArray[Any]], step: int) -> None:
        """Keep named arrays from which training can go on at ``step``; the former checkpoint is replaced."""
        self.flush(run_id, arrays=arrays, step=step)

    def flush(self, run_id: str, **parts: Any) -> None:
        """:meth:`append`, :meth:`checkpoint` and :meth:`set_state` in one transaction; parts as in :class:`Parcel`."""
        self.flush_all([Parcel(run_id, **parts)])

    def flush_all(self, parcels: Iterable[Parcel]) -> None:
        """Write what changed of several runs, all of it or nothing.

        StoreError if another process has taken over one of them since.
        """
        packed = [Packed(parcel) for parcel in parcels]
        with self.database.write() as db:
            for one in packed:
                one.write(db, self._find(db, one.parcel.run_id, "owner, summary"), self.owner)

    def load_checkpoint(self, run_id: str) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """(step, arrays) of the last checkpoint; None if there is none yet."""
        with self.database.read() as db:
            self._find(db, run_id, "id")
            row = db.execute("SELECT step, data FROM checkpoints WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else (int(row["step"]), unpack(row["data"]))

    def kept_steps(self, run_id: str) -> NDArray[np.int64]:
        """Steps whose whole states are kept, increasing; none for a run of an earlier version."""
        with self.database.read() as db:
            self._find(db, run_id, "id")
            return states.steps(db, run_id)

    def load_state(self, run_id: str, step: int) -> dict[str, NDArray[Any]] | None:
        """The state kept at this step as named arrays; None if there is none."""
        with self.database.read() as db:
            self._find(db, run_id, "id")
            return states.read(db, run_id, step)

    def family(self, run_id: str) -> _Records:
        """The run, those that it branches off, and all that branch off one of them: oldest first."""
        up = (
            "WITH RECURSIVE up(id, parent) AS (SELECT id, parent FROM runs WHERE id = ? UNION "
            "SELECT runs.id, runs.parent FROM runs JOIN up ON runs.id = up.parent), "
            "down(id) AS (SELECT id FROM up WHERE parent IS NULL UNION "
            "SELECT runs.id FROM runs JOIN down ON runs.parent = down.id) "
        )
        query = f"{up}SELECT {COLUMNS} FROM runs WHERE id IN (SELECT id FROM down) AND {self._mine} "  # noqa: S608
        with self.database.read() as db:
            self._find(db, run_id, "id")
            rows = db.execute(query + "ORDER BY created, rowid LIMIT 200", (run_id, *self._who)).fetchall()
        return [to_record(row) for row in rows]

    def history(self, run_id: str, since: int = 0) -> Rows:
        """Logged steps from step number ``since`` on: steps (T,) and {metric: (T, B)}."""
        with self.database.read() as db:
            self._find(db, run_id, "id")
            return to_rows(history.read(db, run_id, since)) if since > 0 else history.read_rows(db, run_id)

    def curves(self, run_id: str) -> Rows:
        """The logged steps in which curves have their turns: all of a short run, some thousands of a long one.

        See :class:`~qhn_core.store.thinned.Thinned`. Read-only; read once for all who ask until the run changes.
        """
        return self._part((run_id,), lambda db: history.curves(db, run_id))

    def columns(self, run_id: str, names: Sequence[str]) -> Rows:
        """As :meth:`history`, of some metrics; those that the run does not have are left out.

        Read-only; read once for all who ask until the run changes.
        """
        return self._part((run_id, *names), lambda db: history.read_rows(db, run_id, names))

    def truncate(self, run_id: str, step: int) -> None:
        """Forget logged steps and kept states from step number ``step`` on, so that they can be made again."""
        with self.database.write() as db:
            self._find(db, run_id, "id")
            states.truncate(db, run_id, step)
            summary = history.truncate(db, run_id, step)
            if summary is not None:
                update(db, run_id, {"summary": json.dumps(summary), "updated": time.time()})

    # ----------------------------------------------------------------------------------------- export

    def export(self, run_ids: str | Sequence[str], to: str | os.PathLike[str], format: exports.Format = "csv") -> Path:
        """Write one run as CSV or JSON, or several as a zip archive of such files, into folder ``to``.

        A file of the same name is replaced, but only by a complete one. Returns its path.
        """
        name, parts = self.export_parts(run_ids, format=format)
        return exports.write_file(Path(to), name, parts)

    def export_to(self, run_ids: str | Sequence[str], out: IO[bytes], *, format: exports.Format = "csv") -> str:
        """As :meth:`export`, into an open binary file; returns the name that the file should have."""
        name, parts = self.export_parts(run_ids, format=format)
        for part in parts:
            out.write(part)
        return name

    def export_parts(
        self, run_ids: str | Sequence[str], *, format: exports.Format = "csv"
    ) -> tuple[str, Iterator[bytes]]:
        """The name that the file of :meth:`export` should have, and its content piece by piece."""
        if format not in ("csv", "json"):
            raise InvalidArgument("format", expected="csv or json", got=format)
        wanted = [run_ids] if isinstance(run_ids, str) else list(dict.fromkeys(run_ids))
        if not wanted:
            raise InvalidArgument("run_ids", expected="at least one run", got="none")
        records = [self.get(run_id) for run_id in wanted]
        sources = [partial(self._with_history, run_id) for run_id in wanted]
        if len(sources) > 1:
            return exports.archive_name(format), exports.archive_parts(sources, format)
        return exports.file_name(records[0], format), exports.file_parts(sources[0], format)

    # ---------------------------------------------------------------------------------------- private

    @property
    def _mine(self) -> str:
        """Condition of queries for the runs that may be seen, with :attr:`_who` for its question mark."""
        return "person = ?" if self._person else "1"

    @property
    def _who(self) -> tuple[str, ...]:
        return (self._person,) if self._person else ()

    def _find(self, db: sqlite3.Connection, run_id: str, columns: str) -> sqlite3.Row:
        """The run's row; UnknownRun also where it is another person's."""
        row = find(db, run_id, f"{columns}, person")
        if self._person and row["person"] != self._person:
            raise UnknownRun(run_id)
        return row

    def _part(self, key: tuple[str, ...], read: Callable[[sqlite3.Connection], Rows]) -> Rows:
        with self.database.read() as db:
            changed = self._find(db, key[0], "updated")["updated"]
            return self._histories.get(key, changed, lambda: read(db))

    @contextmanager
    def _with_history(self, run_id: str) -> Iterator[tuple[RunRecord, exports.Table]]:
        """A run as it is now, whatever is written while its history is read."""
        with self.database.read() as db:
            yield to_record(self._find(db, run_id, COLUMNS)), history.table(db, run_id)

    def _update(self, run_id: str, **fields: Any) -> None:
        with self.database.write() as db:
            self._find(db, run_id, "id")
            update(db, run_id, fields)
