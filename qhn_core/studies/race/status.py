"""Where a race stands."""

from __future__ import annotations

from dataclasses import dataclass

from qhn_core.runner.status import RunStatus


@dataclass(frozen=True)
class RaceStatus:
    """Where a race stands: what a run's status says, and what is known of the race as a whole.

    Args:
        run: state, step, steps, steps per second, time left, progress and message.
        instant: whether it is one of many quick races that are not kept unless asked for.
        kept: ids of the runs that it has become in the store, one a contender; empty if it is not kept.
    """

    run: RunStatus
    instant: bool
    kept: tuple[str, ...]
