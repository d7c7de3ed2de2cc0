"""What a worker drives: work in steps, of which a run's training is one kind and a race another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from qhn_core.store import Parcel

SetupT = TypeVar("SetupT")
StateT = TypeVar("StateT")
InfoT = TypeVar("InfoT")


class Reached(NamedTuple):
    """How far a step has brought its task."""

    step: int  #: updates done
    done: bool  #: whether nothing is left to do
    reason: str  #: why it is done, as words for people; empty otherwise


class Task(Protocol[SetupT, StateT, InfoT]):
    """Work in steps, kept in the store as one run or several.

    ``prepare``, ``init`` and ``step`` compute, in the worker's thread and without a lock; ``begin`` and ``record`` keep
    what others read, and are called with the live run's lock held.
    """

    #: What it works with; None until it is prepared, and once it has ended and was let go of.
    setup: SetupT | None

    @property
    def steps(self) -> int:
        """Updates that it makes in all."""

    @property
    def steps_cannot_be_cut(self) -> bool:
        """Whether a step waits for a device: it may take minutes, and only Stop ends it early."""

    @property
    def way_on(self) -> str:
        """What brings it back after it was set aside, as a sentence."""

    def prepare(self, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> SetupT:
        """Build once what all steps work with.

        Args:
            progress: told a fraction from 0 to 1 now and then.
            cancelled: asked now and then; where it says True, :class:`~qhn_core.errors.Cancelled` is raised.
        """

    def init(self, setup: SetupT) -> StateT:
        """The state before the first step, or the one to go on from."""

    def step(self, setup: SetupT, state: StateT) -> tuple[StateT, InfoT]:
        """One step: the state after it, and what it has to tell."""

    def begin(self, setup: SetupT, state: StateT) -> int:
        """Keep what was prepared; returns the updates done already."""

    def record(self, before: StateT, after: StateT, info: InfoT) -> Reached:
        """Keep what one step brought."""

    def unwritten(self) -> tuple[Parcel, ...]:
        """What the store does not have yet, a parcel a run of the store; called with the lock held, and cheap."""

    def written(self, parcels: tuple[Parcel, ...]) -> None:
        """The store has these now; called with the lock held."""

    def memory(self) -> tuple[Any, ...]:
        """What it holds in memory."""

    def waiting_bytes(self) -> int:
        """Memory of the rows that the store does not have yet."""
