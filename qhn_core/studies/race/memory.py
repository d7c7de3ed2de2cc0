"""What a race keeps in memory of each contender: its history, its seconds, and its angles at some steps."""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.runner.recorder import Recorder
from qhn_core.store import Rows

Array = NDArray[np.float64]

#: Bytes of angles kept for each contender, and the most and fewest steps at which they are kept.
_ANGLE_BYTES, _MOST, _FEWEST = 16 * 2**20, 512, 16


class RaceRows(NamedTuple):
    """Logged steps of one contender."""

    steps: NDArray[np.int64]  #: (T,)
    seconds: Array  #: (T,), computing time used up to and including that step
    history: dict[str, Array]  #: metric -> (T, B)


class AngleTrail:
    """Angles at evenly spaced steps in bounded memory: when full, every second one goes and the stride doubles.

    The first step is always kept, and the newest one beside the evenly spaced ones.

    Args:
        room: number of steps at which angles are kept; by default what fits 16 MB.
    """

    def __init__(self, room: int | None = None) -> None:
        self._room = room
        self._stride = 1
        self._kept: list[tuple[int, Array]] = []
        self._newest: tuple[int, Array] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def append(self, step: int, theta: Array) -> None:
        """Keep the angles (B, P) of ``step`` if it is one of the evenly spaced ones, and as the newest."""
        self._newest = (step, theta)
        if self._room is None:
            self._room = int(np.clip(_ANGLE_BYTES // max(1, theta.nbytes), _FEWEST, _MOST))
        if step % self._stride:
            return
        self._kept.append((step, theta))
        while len(self._kept) > self._room:
            self._stride *= 2
            self._kept = [item for item in self._kept if item[0] % self._stride == 0]

    def at(self, step: int | None = None) -> tuple[int, Array] | None:
        """The kept step nearest to ``step`` (None: the newest) and its angles; None before the first."""
        if self._newest is None or step is None:
            return self._newest
        known = [*self._kept, self._newest]
        return min(known, key=lambda item: abs(item[0] - step))


class Lane:
    """One contender's part of a race's memory. One writer; readers hold the race's lock."""

    def __init__(self, most: int) -> None:
        self.recorder = Recorder(most)
        self.seconds = array("d")
        self.angles = AngleTrail()
        #: Rows that the store has.
        self.written = 0

    def rows(self, since: int = 0) -> RaceRows:
        """Logged steps from step number ``since`` on."""
        steps, history = self.recorder.rows(since)
        total = len(self.recorder)
        return RaceRows(steps, np.array(self.seconds[total - len(steps) : total]), history)

    def fresh(self) -> RaceRows:
        """Rows that the store does not have."""
        last = len(self.recorder)
        steps, history = self.recorder.slice(self.written, last)
        return RaceRows(steps, np.array(self.seconds[self.written : last]), history)

    def recall(self, rows: Rows, seconds: Array) -> None:
        """Take in what the store has."""
        self.recorder.extend(rows)
        self.seconds.extend(seconds.tolist())
        self.written = len(self.recorder)
