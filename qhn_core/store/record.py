"""One row of the table of runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qhn_core.config import RunConfig


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"  #: waits for a processor core
    PREPARING = "preparing"  #: data, circuit and likelihood table are being made
    RUNNING = "running"
    PAUSED = "paused"  #: in memory, waits for Resume or Step
    FINISHED = "finished"  #: did all its steps, or stopped early as its configuration asks
    STOPPED = "stopped"  #: a person stopped it; can be resumed
    FAILED = "failed"  #: an error ended it; the message says which
    INTERRUPTED = "interrupted"  #: its process ended; can be resumed
    DAMAGED = "damaged"  #: its entry in the store cannot be read; it can only be deleted

    @property
    def active(self) -> bool:
        """Whether a process holds the run."""
        return self in (RunState.QUEUED, RunState.PREPARING, RunState.RUNNING, RunState.PAUSED)

    @property
    def resumable(self) -> bool:
        """Whether the run ended before its last step and can go on from its checkpoint."""
        return self in (RunState.STOPPED, RunState.FAILED, RunState.INTERRUPTED)


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run without reading its history.

    Args:
        id: eight characters, safe in URLs.
        name, note: free text of the user.
        state, message: where it stands, and why (empty if there is nothing to say).
        created, updated: UTC.
        step, steps: rows 0 … step − 1 are done of the steps + 1 that there are.
        summary: metric → {"final", "best", "best_step"}, means over replicas; see :mod:`qhn_core.store.summary`.
        config_json: the configuration as JSON text.
        person: id of whose it is, in a class; empty elsewhere.
        parent, forked: the run that it branches off, and at which step; empty and 0 where it began at step 0, or where
            that run was deleted.
    """

    id: str
    name: str
    note: str
    state: RunState
    message: str
    created: datetime
    updated: datetime
    step: int
    steps: int
    pinned: bool
    config_json: str = field(repr=False)
    summary: Mapping[str, Mapping[str, float]] = field(repr=False)
    person: str = ""
    parent: str = ""
    forked: int = 0

    @cached_property
    def config(self) -> RunConfig:
        """The configuration, validated; ConfigError if this version does not understand it."""
        from qhn_core.config import RunConfig

        return RunConfig.from_json(self.config_json)

    def final(self, metric: str) -> float:
        """Mean over replicas of ``metric`` at the last logged step; NaN where there is none."""
        return float(self.summary.get(metric, {}).get("final", math.nan))

    def best(self, metric: str) -> float:
        """Best mean over replicas of ``metric`` in the run; NaN where there is none or "best" has no meaning."""
        return float(self.summary.get(metric, {}).get("best", math.nan))
