"""Where a run stands, and what one step has to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import InvalidArgument
from qhn_core.optimisers.base import Array, OptimiserState

_PREFIX = "optimiser."


@dataclass(frozen=True, eq=False)
class TrainState:
    """Where a run stands before step ``step``.

    Args:
        step: updates made so far, t.
        theta: angles θ_t, radians, (B, P).
        optimiser: what the optimiser remembers, named arrays.
        best: smallest loss of each replica so far, (B,).
        stale: steps since any replica's loss improved.
        done: whether the last step has been logged.
    """

    step: int
    theta: Array
    optimiser: OptimiserState = field(repr=False)
    best: Array = field(repr=False)
    stale: int = 0
    done: bool = False

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The whole state as named arrays, for a checkpoint."""
        named: dict[str, NDArray[Any]] = {
            "step": np.array(self.step, dtype=np.int64),
            "theta": self.theta,
            "best": self.best,
            "stale": np.array(self.stale, dtype=np.int64),
            "done": np.array(self.done, dtype=np.int64),
        }
        return named | {_PREFIX + name: array for name, array in self.optimiser.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> TrainState:
        """Inverse of :meth:`arrays`; raises InvalidArgument where one is missing."""
        missing = {"step", "theta", "best", "stale", "done"} - set(arrays)
        if missing:
            raise InvalidArgument("checkpoint", expected=f"the arrays {sorted(missing)} too", got=sorted(arrays))
        return cls(
            step=int(arrays["step"]),
            theta=np.array(arrays["theta"], dtype=np.float64),
            optimiser={k.removeprefix(_PREFIX): np.array(v) for k, v in arrays.items() if k.startswith(_PREFIX)},
            best=np.array(arrays["best"], dtype=np.float64),
            stale=int(arrays["stale"]),
            done=bool(arrays["done"]),
        )


class Info(NamedTuple):
    """What one step has to tell."""

    step: int  #: t
    row: dict[str, Array] | None  #: metrics at θ_t, each (B,), terms as "term_<name>"; None where t is not logged
    probs: Array | None  #: exact q at θ_t, (B, 2**N), where it is known
    bits: NDArray[np.uint8] | None  #: strings drawn at θ_t, (B, S, N), where there are some
    done: bool  #: whether this was the last step
    reason: str  #: why it was the last; empty otherwise
