"""The store of runs: one SQLite database and the folder of uploads."""

from __future__ import annotations

import copy
import json
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from qhn_core.errors import StoreError, TooLarge
from qhn_core.store import history, states
from qhn_core.store.answers import Answers
from qhn_core.store.checkpoint import pack
from qhn_core.store.database import open_or_begin_anew
from qhn_core.store.folder import data_dir
from qhn_core.store.history_cache import HistoryCache
from qhn_core.store.holding import enter, interrupt_abandoned, refuse_if_held
from qhn_core.store.owner import Owner
from qhn_core.store.parcel import Parcel
from qhn_core.store.people import People
from qhn_core.store.races import RaceTable
from qhn_core.store.reading import Reading
from qhn_core.store.record import RunRecord, RunState
from qhn_core.store.rows import (
    COLUMNS,
    MAX_NAME,
    MAX_NOTE,
    clean_text,
    default_name,
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


class RunStore(Reading):
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

    def forget_histories(self) -> None:
        """Let go of histories that were read; they are read again for who asks."""
        self._histories.clear()

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

    def truncate(self, run_id: str, step: int) -> None:
        """Forget logged steps and kept states from step number ``step`` on, so that they can be made again."""
        with self.database.write() as db:
            self._find(db, run_id, "id")
            states.truncate(db, run_id, step)
            summary = history.truncate(db, run_id, step)
            if summary is not None:
                update(db, run_id, {"summary": json.dumps(summary), "updated": time.time()})

    def _update(self, run_id: str, **fields: Any) -> None:
        with self.database.write() as db:
            self._find(db, run_id, "id")
            update(db, run_id, fields)
