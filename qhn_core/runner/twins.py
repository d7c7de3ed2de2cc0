"""Steps that runs of equal configuration share while a crowd takes turns.

In a class thirty people press Train on what the screen in front shows, and thirty times the same is to be computed. A
step is a pure function of configuration and state (:mod:`qhn_core.trainer`), so whoever comes to a state first makes
the steps from it, and the others take them: what comes out is the same to the last bit. A run alone shares nothing.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qhn_core.errors import Cancelled
from qhn_core.runner.slices import Slice
from qhn_core.runner.trail import Trail
from qhn_core.sharing import Shared, held_bytes

if TYPE_CHECKING:
    from qhn_core.trainer import Info, TrainState

#: Bytes of steps kept for those that follow; the oldest go first, as all of a crowd move on together.
MOST_BYTES = 32 * 2**20
#: Parts that one who follows takes in one go.
_AT_ONCE = 256


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


class _Kept(NamedTuple):
    """Steps, their bytes, and the fingerprint of the state after them."""

    steps: Steps
    size: int
    after: bytes


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
        self._kept: dict[bytes, _Kept] = {}
        self._guard = threading.Lock()

    def steps(
        self, state: TrainState, make: Callable[[], Steps], cancelled: Callable[[], bool], *, every: int = 0
    ) -> Steps:
        """The steps from ``state``: all that are known, in one go, or else those that ``make`` brings.

        The first who asks for what is not known makes it; who asks meanwhile waits for that. Who makes them has them
        whole, the others without probabilities (:meth:`Steps.light`).

        Args:
            state: where they leave from.
            make: makes some.
            cancelled: asked while another makes them; where it says True, Cancelled is raised.
            every: steps from one kept state to the next; 0 for none.
        """

        def tick() -> None:
            if cancelled():
                raise Cancelled()

        whole: list[Steps] = []

        def light() -> Steps:
            whole.append(make())
            return whole[0].light()

        key = digest(state)
        if known := self._known(key):
            return known[0] if len(known) == 1 else Steps(known[-1].state, joined(state, known, every))
        found = self._made.get(key, light, tick=tick)
        self._keep(key, found)
        return whole[0] if whole else found

    def _known(self, key: bytes) -> list[Steps]:
        """What is kept from a state on, without a gap."""
        chain: list[Steps] = []
        with self._guard:
            while len(chain) < _AT_ONCE and (kept := self._kept.get(key)) is not None:
                chain.append(kept.steps)
                if kept.steps.info.done:
                    break
                key = kept.after
        return chain

    def _keep(self, key: bytes, steps: Steps) -> None:
        with self._guard:
            if key in self._kept:
                return
            size = held_bytes([steps.state, steps.info], set())
            self._kept[key], self._bytes = _Kept(steps, size, digest(steps.state)), self._bytes + size
            while self._bytes > self._most and len(self._kept) > 1:
                oldest = next(iter(self._kept))
                self._bytes -= self._kept.pop(oldest).size


def joined(before: TrainState, parts: Sequence[Steps], every: int) -> Slice:
    """Steps that follow each other as one slice, whose computing took no time.

    Args:
        before: the state that the first part leaves from.
        parts: at least one.
        every: steps from one kept state to the next; 0 for none.
    """
    slices = []
    for steps in parts:
        slices.append(_as_slice(before, steps, every))
        before = steps.state
    logged = [one for one in slices if len(one.steps)]
    last = slices[-1]
    return Slice(
        steps=np.concatenate([one.steps for one in slices]),
        rows={name: np.concatenate([one.rows[name] for one in logged]) for name in (logged[0].rows if logged else ())},
        took=np.zeros(sum(len(one.steps) for one in slices) + 1),
        state=last.state,
        seen=last.seen,
        kept=tuple(state for one in slices for state in one.kept),
        done=last.done,
        reason=last.reason,
        process=0,
    )


def _as_slice(before: TrainState, steps: Steps, every: int) -> Slice:
    """One of the parts; of a single step what :func:`qhn_core.runner.slices.advance` would tell."""
    info = steps.info
    if isinstance(info, Slice):
        return info
    trail = Trail(every)
    if info.row is not None and every:
        trail.keep(before, last=info.done)
    seen = {"step": np.array(info.step), "theta": before.theta, "bits": info.bits}
    return Slice(
        steps=np.array([info.step] if info.row is not None else [], dtype=np.int64),
        rows={name: column[None] for name, column in (info.row or {}).items()},
        took=np.zeros(1),
        state=steps.state,
        seen={name: array for name, array in seen.items() if array is not None},
        kept=trail.waiting(),
        done=info.done,
        reason=info.reason or "",
        process=0,
    )


def digest(state: TrainState) -> bytes:
    """Fingerprint of a state: equal for states that are equal to the last bit."""
    made = hashlib.blake2b(digest_size=20)
    for name, array in sorted(state.arrays().items()):
        made.update(f"{name} {array.dtype} {array.shape};".encode())
        made.update(array.tobytes())
    return made.digest()
