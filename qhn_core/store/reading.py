"""What the store tells of runs: records, histories, checkpoints and states, and files made of them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import InvalidArgument
from qhn_core.store import exports, history, states
from qhn_core.store.checkpoint import unpack
from qhn_core.store.chunks import Rows, to_rows
from qhn_core.store.database import Database
from qhn_core.store.history_cache import HistoryCache
from qhn_core.store.holding import holder_of
from qhn_core.store.owner import Owner
from qhn_core.store.record import RunRecord, RunState
from qhn_core.store.rows import COLUMNS, UnknownRun, find, to_record

_Records = list[RunRecord]


class Reading:
    """The half of :class:`~qhn_core.store.run_store.RunStore` that tells."""

    database: Database
    owner: Owner
    _person: str
    _histories: HistoryCache

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

    def held_elsewhere(self, run_id: str) -> bool:
        """Whether another living process holds the run."""
        with self.database.read() as db:
            self._find(db, run_id, "id")
            holder = holder_of(db, run_id)
        return holder is not None and holder["id"] != self.owner.id

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
