"""Calculations in the background: started when a page first asks, shared by all who ask, given up when nobody does."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import streamlit as st

from qhn_core.errors import Cancelled, QHNError

_LOG = logging.getLogger(__name__)
#: A calculation that no page has asked about for so many seconds is given up, unless it was asked for by a button.
_FORGOTTEN = 8.0


class Watch(Protocol):
    """What a calculation is given: where it reports, and where it asks whether to go on."""

    def progress(self, fraction: float) -> None:
        """Share done, 0 to 1."""

    def cancelled(self) -> bool:
        """Whether to give up."""

    def share(self, partial: Any) -> None:
        """Show what there is so far."""


@dataclass(frozen=True)
class Job:
    """One calculation as it was when the page asked.

    A page reads it in several places while it draws. Were it to change in between, the page could draw the charts
    without the result, then find it finished, and not look again.
    """

    #: Whether nothing more will come.
    ready: bool
    fraction: float
    partial: Any
    result: Any
    message: str
    began: float
    #: Set when the calculation ends, for those who wait.
    done: threading.Event
    #: Whether a newer version is under way, and this is the last one finished.
    stale: bool = False


@dataclass(eq=False)
class _Work:
    """One calculation under way or finished.

    Args:
        lasting: whether it goes on though nobody asks for it.
    """

    lasting: bool = False
    fraction: float = 0.0
    partial: Any = None
    result: Any = None
    message: str = ""
    done: threading.Event = field(default_factory=threading.Event)
    asked: float = field(default_factory=time.monotonic)
    began: float = field(default_factory=time.monotonic)
    stop: bool = False
    #: Whether it ended without being finished: who still asks for it is to ask again, which begins it anew.
    given_up: bool = False

    def look(self) -> Job:
        """How far it is."""
        ready = self.done.is_set() and not self.given_up  # first: what is read after it is at least as new
        return Job(ready, self.fraction, self.partial, self.result, self.message, self.began, self.done)

    def progress(self, fraction: float) -> None:
        """Called by the calculation."""
        self.fraction = min(max(float(fraction), 0.0), 1.0)

    def share(self, partial: Any) -> None:
        """Called by the calculation."""
        self.partial = partial

    def cancelled(self) -> bool:
        """Asked by the calculation."""
        return self.stop or (not self.lasting and time.monotonic() - self.asked > _FORGOTTEN)


class Jobs:
    """Calculations by key, the newest kept; safe for threads.

    Args:
        keep: how many are kept in memory.
        workers: how many compute at once.
    """

    def __init__(self, *, keep: int = 24, workers: int = 2) -> None:
        self._keep = keep
        self._jobs: OrderedDict[tuple[Hashable, ...], _Work] = OrderedDict()
        self._guard = threading.Lock()
        self._slots = threading.Semaphore(workers)
        self._newest: OrderedDict[tuple[Hashable, ...], tuple[Hashable, Job | None]] = OrderedDict()

    def get(
        self,
        key: tuple[Hashable, ...],
        work: Callable[[Watch], Any],
        *,
        patience: float = 0.25,
        lasting: bool = False,
    ) -> Job:
        """The calculation of this key, started if there is none.

        Args:
            work: what computes the result; a :class:`QHNError` that it raises becomes the job's message.
            patience: seconds to wait for it, so that quick ones are there at once.
        """
        with self._guard:
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = _Work(lasting=lasting)
                threading.Thread(target=self._run, args=(key, job, work), name="qhn-job", daemon=True).start()
            job.asked = time.monotonic()
            self._jobs.move_to_end(key)
            while len(self._jobs) > self._keep:
                self._jobs.popitem(last=False)[1].stop = True
        deadline = job.asked + patience
        while not job.done.wait(min(max(0.0, deadline - time.monotonic()), _FORGOTTEN / 2)):
            if (now := time.monotonic()) >= deadline:
                break
            job.asked = now  # who waits, asks
        return job.look()

    def follow(self, key: tuple[Hashable, ...], version: Hashable, work: Callable[[Watch], Any]) -> Job:
        """The calculation of the newest version.

        While that is under way the last finished one is returned, marked as stale; as long as it is, no other version
        is begun.
        """
        with self._guard:
            wanted, finished = self._newest.get(key, (version, None))
            work_under_way = self._jobs.get((*key, wanted))
        pending = None if work_under_way is None else work_under_way.look()
        if pending is None or pending.ready:
            if pending is not None and pending.result is not None:
                finished = pending
            wanted = version
        job = self.get((*key, wanted), work)
        with self._guard:
            self._newest[key] = (wanted, job if job.result is not None else finished)
            self._newest.move_to_end(key)
            while len(self._newest) > self._keep:
                self._newest.popitem(last=False)
        shown = job if job.ready or finished is None else finished
        return replace(shown, stale=wanted != version or shown is not job)

    def known(self, key: tuple[Hashable, ...]) -> Job | None:
        """The calculation of this key if it was started."""
        with self._guard:
            job = self._jobs.get(key)
        if job is not None:
            job.asked = time.monotonic()
        return None if job is None else job.look()

    def drop(self, key: tuple[Hashable, ...]) -> None:
        """Stop and forget a calculation."""
        with self._guard:
            job = self._jobs.pop(key, None)
        if job is not None:
            job.stop = True

    def _run(self, key: tuple[Hashable, ...], job: _Work, work: Callable[[Watch], Any]) -> None:
        with self._slots:
            try:
                if job.cancelled():
                    raise Cancelled("nobody waits for it")
                job.result = work(job)
                job.fraction = 1.0
            except Cancelled:
                job.given_up = True
                with self._guard:
                    if self._jobs.get(key) is job:
                        del self._jobs[key]
            except QHNError as error:
                job.message = str(error)
            except Exception as error:
                _LOG.exception("calculation failed")
                job.message = f"The calculation failed: {error}"
            finally:
                job.done.set()


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The calculations of this server."""
    return Jobs()


@st.cache_resource(show_spinner=False)
def large_jobs() -> Jobs:
    """Those whose results hold a number for every string: few are kept."""
    return Jobs(keep=4)


def result(job: Job, what: str) -> Any:
    """What the job found; None after a progress bar or a message where there is nothing yet."""
    if job.result is not None:
        return job.result
    if job.message:
        st.info(job.message, icon=":material/info:")
    elif not job.ready:
        st.progress(job.fraction, text=f"{what} … {job.fraction:.0%}")
    return None
