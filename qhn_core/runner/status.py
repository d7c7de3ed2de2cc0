"""What pages and command line read about a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhn_core.store import RunState


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands.

    Args:
        run_id, name: the run.
        state, message: as in the store; the message says why a run was paused, failed or stopped early.
        step, steps: updates done, of how many.
        steps_per_second: over the last few seconds; 0 while it does not run.
        eta_seconds: time left at that rate; None where it cannot be said.
        queue_position: 1 for the next to begin; None unless queued.
        wait_seconds: until a queued run begins, as foreseen; None where it cannot be said.
        progress: 0 … 1 while preparing, else None.
        speed: the limit, steps per second; None for unlimited.
        elsewhere: whether another process trains it; then it is read-only here.
    """

    run_id: str
    name: str
    state: RunState
    message: str
    step: int
    steps: int
    steps_per_second: float = 0.0
    eta_seconds: float | None = None
    queue_position: int | None = None
    wait_seconds: float | None = None
    progress: float | None = None
    speed: float | None = None
    elsewhere: bool = False

    @property
    def active(self) -> bool:
        """Whether a process holds the run: queued, preparing, running or paused."""
        return self.state.active


@dataclass(frozen=True)
class Snapshot:
    """Angles of all replicas at one step, with what was seen of the circuit there.

    Args:
        step: number of updates made to get to ``theta``.
        theta: (B, P), radians.
        probs: exact q, (B, 2**N), where the run computes it.
        bits: strings drawn at ``theta``, (B, S, N), where it draws them.
    """

    step: int
    theta: NDArray[np.float64]
    probs: NDArray[np.float64] | None = None
    bits: NDArray[np.uint8] | None = None
