"""Schedules: numbers that depend on the step. A configuration takes a plain number or one of these.

``value_at(schedule, t)`` gives the number at step t = 0, 1, 2, …
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from qhn_core.errors import InvalidArgument
from qhn_core.registry import KnownFields


class _Schedule(KnownFields):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Linear(_Schedule):
    """From ``start`` to ``end`` in a straight line over ``steps`` steps, then ``end`` (warm-up)."""

    kind: Literal["linear"] = "linear"
    start: float = Field(0.0, description="The value at the first step")
    end: float = Field(1.0, description="The value at the last step of the schedule")
    steps: int = Field(100, ge=1, le=1_000_000, description="How many steps until the end value is reached")

    def at(self, step: int) -> float:
        """Value at ``step``."""
        return self.start + (self.end - self.start) * min(step / self.steps, 1.0)


class Cyclical(_Schedule):
    """``steps`` long cycles; in each the value rises linearly during the fraction ``ramp``, then stays at ``end``.

    Source: Fu et al., Cyclical Annealing Schedule, arXiv:1903.10145 (2019).
    """

    kind: Literal["cyclical"] = "cyclical"
    start: float = Field(0.0, description="The value at the first step")
    end: float = Field(1.0, description="The value at the last step of the schedule")
    steps: int = Field(100, ge=1, le=1_000_000, description="Length of one cycle, in steps")
    ramp: float = Field(0.5, gt=0.0, le=1.0, description="Fraction of a cycle spent rising")

    def at(self, step: int) -> float:
        """Value at ``step``."""
        phase = (step % self.steps) / self.steps
        return self.start + (self.end - self.start) * min(phase / self.ramp, 1.0)


class Cosine(_Schedule):
    """Half a cosine from ``start`` to ``end`` over ``steps`` steps, then ``end``."""

    kind: Literal["cosine"] = "cosine"
    start: float = Field(1.0, description="The value at the first step")
    end: float = Field(0.0, description="The value at the last step of the schedule")
    steps: int = Field(100, ge=1, le=1_000_000, description="How many steps until the end value is reached")

    def at(self, step: int) -> float:
        """Value at ``step``."""
        phase = min(step / self.steps, 1.0)
        return self.end + (self.start - self.end) * 0.5 * (1.0 + math.cos(math.pi * phase))


class Anneal(_Schedule):
    """Geometric cooling from a high to a low value over ``steps`` steps, then the low one.

    v(t) = start · (end/start)^min(t/steps, 1); both positive. After annealed variational Bayes inference,
    Miyahara & Roychowdhury, PNAS 2023.
    """

    kind: Literal["anneal"] = "anneal"
    start: float = Field(10.0, gt=0.0, description="The value at the first step (hot)")
    end: float = Field(1.0, gt=0.0, description="The value at the last step (cold)")
    steps: int = Field(100, ge=1, le=1_000_000, description="How many steps until the end value is reached")

    def at(self, step: int) -> float:
        """Value at ``step``."""
        return float(self.start * (self.end / self.start) ** min(step / self.steps, 1.0))


ScheduleConfig = Annotated[Linear | Cyclical | Cosine | Anneal, Field(discriminator="kind")]
#: Field type: a number, or a schedule.
Scheduled = float | ScheduleConfig
KINDS: dict[str, type[_Schedule]] = {"linear": Linear, "cyclical": Cyclical, "cosine": Cosine, "anneal": Anneal}


def value_at(schedule: float | Linear | Cyclical | Cosine | Anneal, step: int) -> float:
    """The scheduled number at ``step`` (0-based)."""
    return float(schedule) if isinstance(schedule, (int, float)) else schedule.at(step)


def bounds(schedule: float | Linear | Cyclical | Cosine | Anneal) -> tuple[float, float]:
    """Smallest and largest value the schedule takes."""
    if isinstance(schedule, (int, float)):
        return float(schedule), float(schedule)
    return min(schedule.start, schedule.end), max(schedule.start, schedule.end)


def check_range(argument: str, schedule: Scheduled, *, low: float, high: float) -> Scheduled:
    """``schedule`` if all its values lie within [low, high]; raises InvalidArgument otherwise."""
    smallest, largest = bounds(schedule)
    if not (low <= smallest and largest <= high):
        raise InvalidArgument(argument, expected=f"values from {low:g} to {high:g}", got=(smallest, largest))
    return schedule
