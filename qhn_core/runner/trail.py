"""Which states of a run are kept, so that it can be looked at, and gone on from, at steps that are past."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qhn_core.config import RunConfig
    from qhn_core.trainer import TrainState

#: Bytes of one run's states; where all logged steps would take more, every second, third, … is kept.
MOST_BYTES = 8 * 2**20
#: What a state takes beyond its numbers.
_HEAD = 700


def stride(config: RunConfig, state: TrainState, *, most: int = MOST_BYTES) -> int:
    """Steps from one kept state to the next: a multiple of ``log_every``, the least with which all take ``most``."""
    size = _HEAD + sum(array.nbytes for array in state.arrays().values())
    return config.log_every * max(1, math.ceil(config.logged_steps * size / most))


class Trail:
    """States that were kept and that the store does not have yet, oldest first; one writer, readers on any thread.

    Args:
        every: steps from one to the next.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._waiting: tuple[TrainState, ...] = ()

    def keep(self, state: TrainState, *, last: bool = False) -> None:
        """Keep a logged step's state if its turn has come, and the last one in any case."""
        if last or state.step % self.every == 0:
            self._waiting = (*self._waiting, state)

    def waiting(self) -> tuple[TrainState, ...]:
        """What the store does not have."""
        return self._waiting

    def written(self, count: int) -> None:
        """The store has the first ``count`` of those that waited."""
        self._waiting = self._waiting[count:]
