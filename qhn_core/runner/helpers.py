"""Processes of this machine that train while many runs take turns.

Training and pages share one interpreter, and a step of training goes through it a hundred times: with a class at work
each waits for the other each time. So where runs have to wait for each other, their turns are made by processes beside
this one, as slices (:mod:`qhn_core.runner.slices`), and what comes out is the same. They are started when they are
needed first. Whatever goes wrong with one, the step is simply made here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from qhn_core.errors import Cancelled
from qhn_core.runner.helping import ANSWER, REQUEST
from qhn_core.runner.slices import Slice
from qhn_core.store.checkpoint import pack

log = logging.getLogger(__name__)
#: Seconds between looks at whether a run is to stop, and after which one that does not answer is given up.
_LOOK, _LOST = 0.5, 120.0
#: Seconds after the loss of one before another is started.
_AGAIN = 10.0


class _Lost(Exception):
    """A helper has ended, or does not answer."""


class Helper:
    """One process; used by one thread at a time."""

    def __init__(self) -> None:
        found = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))))
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from qhn_core.runner.helping import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": found},
        )

    def ask(self, head: dict[str, Any], state: bytes, cancelled: Callable[[], bool]) -> bytes | None:
        """The slice asked for; None where it could not be made there."""
        text, pipe = json.dumps(head).encode(), self.process.stdin
        assert pipe is not None  # noqa: S101 -- it was opened with one
        try:
            for part in (REQUEST.pack(len(text), len(state)), text, state):
                left = memoryview(part)
                while left:
                    left = left[pipe.write(left) or 0 :]
        except OSError:
            raise _Lost from None
        return self.answer(cancelled)

    def answer(self, cancelled: Callable[[], bool] = lambda: False) -> bytes | None:
        """What it answers; None for a refusal. Cancelled where the asker gives up, after which it cannot be used."""
        made, size = ANSWER.unpack(self._read(ANSWER.size, cancelled))
        blob = self._read(size, cancelled)
        if made:
            return blob
        log.info("a helper could not make a slice: %s", blob.decode(errors="replace"))
        return None

    def end(self) -> None:
        """End the process; called by who uses it, as nobody else may close what it is read from."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _read(self, size: int, cancelled: Callable[[], bool]) -> bytes:
        assert self.process.stdout is not None  # noqa: S101 -- it was opened with one
        number, found, asked = self.process.stdout.fileno(), bytearray(), time.monotonic()
        while len(found) < size:
            if cancelled():
                raise Cancelled()
            if select.select([number], [], [], _LOOK)[0]:
                part = os.read(number, size - len(found))
                if not part:
                    raise _Lost
                found += part
            elif time.monotonic() - asked > _LOST:
                raise _Lost
        return bytes(found)


class Helpers:
    """So many processes; safe for threads.

    Args:
        count: processes.
        uploads: folder of uploaded files.
    """

    def __init__(self, count: int, *, uploads: Path | None = None) -> None:
        self.count, self._uploads = count, str(uploads) if uploads is not None else None
        self._free: SimpleQueue[Helper] = SimpleQueue()
        self._all: set[Helper] = set()
        self._ready: set[Helper] = set()
        self._guard = threading.Lock()
        self._not_before, self._closed = 0.0, os.name != "posix"

    def start(self) -> None:
        """Begin to start those that are missing; returns at once, and does nothing where none is."""
        with self._guard:
            if self._closed or time.monotonic() < self._not_before:
                return
            while len(self._all) < self.count:
                try:
                    self._all.add(helper := Helper())
                except OSError as error:
                    log.warning("no helper process can be started: %s", error)
                    self._not_before = time.monotonic() + _AGAIN
                    return
                threading.Thread(target=self._greet, args=(helper,), name="qhn-helper", daemon=True).start()

    def wait(self, timeout: float) -> bool:
        """Wait until one of those that were started is ready; whether one is."""
        end = time.monotonic() + timeout
        while self._free.empty() and time.monotonic() < end:
            time.sleep(0.05)
        return not self._free.empty()

    def count_alive(self) -> int:
        """How many processes there are, ready or not."""
        with self._guard:
            return sum(helper.process.poll() is None for helper in self._all)

    def count_ready(self) -> int:
        """How many can be asked. Cheap: takes no lock."""
        return len(self._ready)

    def advance(
        self,
        config_json: str,
        state: dict[str, Any],
        *,
        steps: int,
        seconds: float,
        every: int,
        cancelled: Callable[[], bool],
    ) -> Slice | None:
        """A slice as :func:`~qhn_core.runner.slices.advance` makes it; None where no helper is free, or it failed."""
        head = {"config": config_json, "uploads": self._uploads, "steps": steps, "seconds": seconds, "every": every}
        packed = pack(state)
        try:
            helper = self._free.get_nowait()
        except Empty:
            self.start()
            return None
        try:
            blob = helper.ask(head, packed, cancelled)
        except Cancelled:
            self._let_go(helper)
            raise
        except _Lost:
            self._let_go(helper)
            return None
        self._free.put(helper)
        return None if blob is None else Slice.from_bytes(blob)

    def close(self) -> None:
        """End all of them."""
        with self._guard:
            self._closed = True
            for helper in self._all:
                helper.process.kill()  # who waits for its answer ends it
            self._all.clear()
            self._ready.clear()
        with contextlib.suppress(Empty):
            while True:
                self._free.get_nowait().end()

    def _greet(self, helper: Helper) -> None:
        try:
            helper.answer()
        except _Lost:
            if not self._closed:
                log.warning("a helper process ended before it was ready")
            self._let_go(helper)
        else:
            self._ready.add(helper)
            self._free.put(helper)

    def _let_go(self, helper: Helper) -> None:
        with self._guard:
            self._all.discard(helper)
            self._ready.discard(helper)
            self._not_before = time.monotonic() + _AGAIN
        helper.end()
