"""Steps that runs of equal configuration share while a crowd takes turns.

In a class thirty people press Train on what the screen in front shows, and thirty times the same is to be computed. A
step is a pure function of configuration and state (:mod:`qhn_core.trainer`), so whoever comes to a state first makes
the steps from it, and the others take them: what comes out is the same to the last bit. A run alone shares nothing.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qhn_core.errors import Cancelled
from qhn_core.runner.slices import Slice
from qhn_core.sharing import Shared, held_bytes

if TYPE_CHECKING:
    from qhn_core.trainer import Info, TrainState

#: Bytes of steps kept for those that follow; the oldest go first, as all of a crowd move on together.
MOST_BYTES = 32 * 2**20


@dataclass(frozen=True, eq=False)
class Steps:
    """What was made from one state: the state after it, and what one step or a slice of them had to tell."""

    state: TrainState
    info: Info | Slice

    def light(self) -> Steps:
        """The same without probabilities, which are by far the largest part and follow from the angles."""
        if isinstance(self.info, Slice):
            seen = {name: array for name, array in self.info.seen.items() if name != "probs"}
            return Steps(self.state, replace(self.info, seen=seen))
        return Steps(self.state, self.info._replace(probs=None))


class Twins:
    """Steps of one configuration by the state that they leave from, for as long as one of its runs holds this.

    Args:
        most: bytes that are kept.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._bytes = most, 0
        #: Runs that ever held this: what one makes that is alone with its configuration nobody needs kept.
        self.runs = 0
        self._made: Shared[Steps] = Shared()
        self._kept: dict[bytes, tuple[Steps, int]] = {}
        self._guard = threading.Lock()

    def steps(self, state: TrainState, make: Callable[[], Steps], cancelled: Callable[[], bool]) -> Steps:
        """The steps from ``state``, made by the first who asks; who asks meanwhile waits for them.

        Who makes them has them whole, the others without probabilities (:meth:`Steps.light`).

        Args:
            state: where they leave from.
            make: makes them.
            cancelled: asked while another makes them; where it says True, Cancelled is raised.
        """

        def tick() -> None:
            if cancelled():
                raise Cancelled()

        whole: list[Steps] = []

        def light() -> Steps:
            whole.append(make())
            return whole[0].light()

        key = digest(state)
        found = self._made.get(key, light, tick=tick)
        self._keep(key, found)
        return whole[0] if whole else found

    def _keep(self, key: bytes, steps: Steps) -> None:
        with self._guard:
            if key in self._kept:
                return
            size = held_bytes([steps.state, steps.info], set())
            self._kept[key], self._bytes = (steps, size), self._bytes + size
            while self._bytes > self._most and len(self._kept) > 1:
                oldest = next(iter(self._kept))
                self._bytes -= self._kept.pop(oldest)[1]


def digest(state: TrainState) -> bytes:
    """Fingerprint of a state: equal for states that are equal to the last bit."""
    made = hashlib.blake2b(digest_size=20)
    for name, array in sorted(state.arrays().items()):
        made.update(f"{name} {array.dtype} {array.shape};".encode())
        made.update(array.tobytes())
    return made.digest()
