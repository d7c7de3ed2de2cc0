"""What is written of a run at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from qhn_core.store.record import RunState
from qhn_core.store.states import Kept


@dataclass(frozen=True, eq=False)
class Parcel:
    """New rows, checkpoint and state of one run; each part may be absent.

    Args:
        run_id: the run.
        steps: (T,), strictly increasing; rows from the first of them on are replaced.
        rows: metric -> (T, B).
        arrays: named arrays from which training can go on at ``step``; the former checkpoint is replaced.
        step: updates done.
        state, message: where it stands.
        kept: whole states to keep beside the history, by step.
        seconds: (T,), computing time used up to each of ``steps``, for runs of a race.
    """

    run_id: str
    steps: ArrayLike = ()
    rows: Mapping[str, ArrayLike] | None = None
    arrays: Mapping[str, NDArray[Any]] | None = None
    step: int | None = None
    state: RunState | None = None
    message: str | None = None
    seconds: ArrayLike | None = None
    kept: Kept = ()
