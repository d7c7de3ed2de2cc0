"""The thread that writes runs to the store a few times a second, so that training threads never wait for a disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Generic

from qhn_core.errors import StoreError
from qhn_core.runner.live import LiveRun, TaskT
from qhn_core.store import RunState, RunStore, TakenOver, UnknownRun

log = logging.getLogger(__name__)

#: Seconds between writes. What was logged longer ago than this survives a kill.
FLUSH_SECONDS = 0.4
_HEARTBEAT_SECONDS = 5.0
#: Rest after a round of writing, in times of what it took, so that many runs do not keep the writer busy; and the most
#: seconds of it.
_REST, _LONGEST = 4.0, 2.0
#: Seconds and bytes of history for which a store that cannot be written is borne before training is paused.
PATIENCE_SECONDS, _PATIENCE_BYTES = 10.0, 64 * 2**20


class Writer(Generic[TaskT]):
    """Writes what changed of ``runs()`` to ``store``: all that one of them has become, in one transaction."""

    def __init__(self, store: RunStore, runs: Callable[[], Iterable[LiveRun[TaskT]]], *, seconds: float) -> None:
        self.store, self.runs, self.seconds = store, runs, seconds
        self._wake, self._closing = threading.Event(), threading.Event()
        self._one_at_a_time = threading.Lock()
        #: Run id -> when writing it first failed.
        self._troubled: dict[str, float] = {}
        self._beat = time.monotonic()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; does nothing if it runs."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._main, name="qhn-writer", daemon=True)
            self._thread.start()

    def soon(self) -> None:
        """Write without waiting for the next round."""
        self._wake.set()

    def close(self, timeout: float = 5.0) -> None:
        """End the thread."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def write(self, run: LiveRun[TaskT]) -> bool:
        """Write what changed of one run, now; returns whether the store has it."""
        with self._one_at_a_time:
            try:
                self._flush(run)
            except (UnknownRun, TakenOver) as error:
                log.warning("run %s is no longer ours: %s", run.run_id, error)
                run.stop(because=str(error))
                with run.changed:
                    run.saved = run.version
                return True
            except Exception as error:
                self._bear(run, error)
                return False
            if self._troubled.pop(run.run_id, None) is not None:
                self._recovered(run)
            return True

    def _main(self) -> None:
        took = 0.0
        while not self._closing.is_set():
            self._wake.wait(max(self.seconds, min(_REST * took, _LONGEST)))
            self._wake.clear()
            runs, began = list(self.runs()), time.monotonic()
            for run in runs:
                if run.version != run.saved:
                    self.write(run)
            took = time.monotonic() - began
            if runs and time.monotonic() - self._beat > _HEARTBEAT_SECONDS:
                self._heartbeat()

    def _heartbeat(self) -> None:
        self._beat = time.monotonic()
        try:
            self.store.heartbeat()
        except StoreError as error:
            log.warning("no heartbeat: %s", error)

    def _flush(self, run: LiveRun[TaskT]) -> None:
        with run.changed:
            parcels, version = run.task.unwritten(), run.version
            state, message = run.ending or (run.state, run.message)
        if version == run.saved:
            return
        self.store.flush_all(replace(parcel, state=state, message=message) for parcel in parcels)
        with run.changed:
            run.task.written(parcels)
            run.saved = version

    def _bear(self, run: LiveRun[TaskT], error: Exception) -> None:
        """The store cannot be written: keep everything in memory, and pause when that has gone on for long."""
        now = time.monotonic()
        first = self._troubled.setdefault(run.run_id, now)
        log.warning("run %s cannot be written: %s", run.run_id, error, exc_info=not isinstance(error, StoreError))
        if now - first < PATIENCE_SECONDS and run.task.waiting_bytes() < _PATIENCE_BYTES:
            return
        with run.changed:
            if run.state is RunState.RUNNING and not run.want_pause:
                run.want_pause, run.budget = True, 0
                run.pause_message = f"{error} Training is paused; what was trained is kept in memory and written later."
                run.changed.notify_all()

    def _recovered(self, run: LiveRun[TaskT]) -> None:
        log.info("run %s is written again", run.run_id)
        with run.changed:
            if run.pause_message and run.state is RunState.PAUSED:
                run.pause_message = "The run store can be written again; nothing was lost. Resume goes on."
                run.set_state(RunState.PAUSED, run.pause_message)
