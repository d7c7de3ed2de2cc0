"""Who computes now: a bound on runs at work, shared in slices of time between people first, then between their runs."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

#: Seconds in which everybody's turn should come, and the shortest and longest time that one turn lasts.
_ROUND, _SHORTEST, _LONGEST = 1.0, 0.25, 0.4
#: Seconds for which others may begin before one that waits for memory.
_OVERTAKEN = 60.0


class Asker(Protocol):
    """What asks for a slot."""

    @property
    def run_id(self) -> str:
        """By which it is told from others."""

    @property
    def owner(self) -> str:
        """Whose it is."""

    @property
    def memory(self) -> int:
        """Bytes that it needs from its first turn on, as foreseen."""

    def set_granted(self, granted: bool) -> None:
        """Told whether it holds one."""


@dataclass(frozen=True)
class Limits:
    """What one person may have.

    Args:
        running: runs that take turns at once; further ones wait until one has ended or rests.
        waiting: runs that may wait so.
    """

    running: int = 2
    waiting: int = 4


@dataclass(eq=False)
class _Entry:
    """One run at the slots.

    Args:
        asker: the run.
        number: order of asking.
        began: whether it has had a turn since it asked first.
        served: number of its last turn; 0 before the first.
        since: when the turn began that it has now; None while it waits.
        asked: when it first asked, monotonic seconds.
        used: whether it has come to use this turn: on a busy machine that may take longer than a turn.
    """

    asker: Asker
    number: int
    began: bool = False
    served: int = 0
    since: float | None = None
    used: bool = False
    asked: float = field(default_factory=time.monotonic)


class Slots:
    """At most ``count`` runs hold a slot.

    Whoever has fewest slots and was served longest ago comes next, first among people, then among the runs of one. So
    thirty people with one run each, or one with thirty, get the same share each; a short run does not wait for a long
    one, as a turn is short. What a run computes does not depend on its turns.

    Locks are taken in the order: slots, then run; never the other way.

    Memory is bounded for all together: who does not fit now waits until others have ended. Small ones may begin before
    a large one that waits, but not for long, or it would never begin.

    Args:
        count: slots.
        limits: of each person; None for none. Runs without an owner have none.
        memory: bytes for all that have begun and not ended; None for no bound. One alone may take more.
        beside: how many slots more there are at present, for turns that do not compute in this process.
        held: told how many hold a slot whenever that changes.
    """

    def __init__(
        self,
        count: int,
        *,
        limits: Limits | None = None,
        memory: int | None = None,
        beside: Callable[[], int] = lambda: 0,
        held: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.count, self.limits, self.memory, self._beside, self._tell = count, limits, memory, beside, held
        #: Run -> bytes, of all that have begun and not ended, whether or not they ask for a slot now.
        self._reserved: dict[str, int] = {}
        self._guard = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._turns = itertools.count(1)
        self._numbers = itertools.count(1)
        #: Owner -> number of the last turn of any of their runs; only of owners that are here.
        self._served: dict[str, int] = {}
        self._waiters = self._further = 0

    def request(self, run: Asker) -> bool:
        """Ask for a slot; ``run.granted`` becomes true, now or later. Returns whether the run takes turns already."""
        with self._guard:
            entry = self._entries.get(run.run_id)
            if entry is None:
                entry = self._entries[run.run_id] = _Entry(run, next(self._numbers))
            self._grant()
            return entry.began

    def release(self, run: Asker) -> None:
        """Give the slot back, or leave the queue."""
        with self._guard:
            entry = self._entries.pop(run.run_id, None)
            if entry is not None and all(e.asker.owner != run.owner for e in self._entries.values()):
                self._served.pop(run.owner, None)
            run.set_granted(False)
            self._grant()

    def ended(self, run: Asker) -> None:
        """As :meth:`release`, for good: its memory is free."""
        with self._guard:
            self._reserved.pop(run.run_id, None)
        self.release(run)

    def over(self, run: Asker) -> bool:
        """Whether the run's turn is over and somebody waits for one. Cheap: takes no lock.

        The first time in a turn it never is, so that every turn brings at least one step.
        """
        entry = self._entries.get(run.run_id)
        since = None if entry is None else entry.since
        if entry is None or since is None:
            return False
        now = time.monotonic()
        if not entry.used:
            entry.used, entry.since = True, now
            return False
        return self._waiters > 0 and now - since >= self.seconds_a_turn()

    def pass_on(self, run: Asker) -> None:
        """End the run's turn: it waits for its next one."""
        with self._guard:
            entry = self._entries.get(run.run_id)
            if entry is None or entry.since is None:
                return
            entry.since = None
            run.set_granted(False)
            self._grant()

    def position(self, run: Asker) -> int | None:
        """1 for the next to begin; None if it is not in the queue, or takes turns already."""
        with self._guard:
            entry = self._entries.get(run.run_id)
            if entry is None or entry.began:
                return None
            return sum(not e.began and e.number <= entry.number for e in self._entries.values())

    def waits_for_own(self, run: Asker) -> bool:
        """Whether it waits because its owner has as many runs at work as one person may."""
        with self._guard:
            entry = self._entries.get(run.run_id)
            return entry is not None and self._owner_is_full(entry)

    def waits_for_memory(self, run: Asker) -> tuple[int, int] | None:
        """(bytes that others hold, how many others) where it waits for memory; None where it does not."""
        with self._guard:
            entry = self._entries.get(run.run_id)
            if entry is None or self._owner_is_full(entry) or self._fits(entry):
                return None
            return sum(self._reserved.values()), len(self._reserved)

    def expected(self, run: Asker) -> float | None:
        """Seconds until a queued run's first turn, as far as turns tell; None where it is not for them to say."""
        position = self.position(run)
        return None if position is None or self.waits_for_own(run) else position * self.seconds_a_turn() / self.count

    @property
    def idle(self) -> bool:
        """Whether nobody holds a slot or waits for one."""
        with self._guard:
            return not self._entries

    def crowded(self) -> float | None:
        """Seconds of one turn where more are at work than there are slots; None elsewhere. Cheap: takes no lock."""
        return self.seconds_a_turn() if self._waiters or self._further else None

    def seconds_a_turn(self) -> float:
        """Seconds of one turn: the more wait, the shorter, so that everybody's comes about once a second."""
        return min(max(_ROUND * self.count / (self._waiters + self.count), _SHORTEST), _LONGEST)

    def _may_begin(self, entry: _Entry) -> bool:
        return entry.began or not (self._owner_is_full(entry) or not self._fits(entry) or self._gives_way(entry))

    def _owner_is_full(self, entry: _Entry) -> bool:
        owner = entry.asker.owner
        if entry.began or self.limits is None or not owner:
            return False
        return sum(e.began and e.asker.owner == owner for e in self._entries.values()) >= self.limits.running

    def _fits(self, entry: _Entry) -> bool:
        """Whether its memory is there; what it holds from an earlier turn stays its own."""
        if self.memory is None or entry.asker.run_id in self._reserved or not self._reserved:
            return True
        return sum(self._reserved.values()) + entry.asker.memory <= self.memory

    def _gives_way(self, entry: _Entry) -> bool:
        """Whether one that came earlier has waited for memory for long."""
        if self.memory is None or entry.asker.run_id in self._reserved:
            return False
        latest = time.monotonic() - _OVERTAKEN
        return any(
            e.number < entry.number and e.asked < latest and not e.began and not self._fits(e)
            for e in self._entries.values()
        )

    def _grant(self) -> None:
        """Hand out free slots, and count who waits for one."""
        held: dict[str, int] = {}
        for entry in self._entries.values():
            if entry.since is not None:
                held[entry.asker.owner] = held.get(entry.asker.owner, 0) + 1
        free = self.count + self._beside() - sum(held.values())
        while True:
            waiting = [e for e in self._entries.values() if e.since is None and self._may_begin(e)]
            if free <= 0 or not waiting:
                self._waiters, self._further = len(waiting), max(0, sum(held.values()) - self.count)
                self._tell(sum(held.values()))
                return
            nxt = min(
                waiting,
                key=lambda e: (held.get(e.asker.owner, 0), self._served.get(e.asker.owner, 0), e.served, e.number),
            )
            nxt.began, nxt.served, nxt.since, nxt.used = True, next(self._turns), time.monotonic(), False
            self._served[nxt.asker.owner] = nxt.served
            self._reserved.setdefault(nxt.asker.run_id, nxt.asker.memory)
            held[nxt.asker.owner] = held.get(nxt.asker.owner, 0) + 1
            free -= 1
            nxt.asker.set_granted(True)
