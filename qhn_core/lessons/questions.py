"""Questions that are asked before the run goes on: a choice, a number, a curve, a ranking.

The right answer is computed from the experiment, so that no file can claim what did not happen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from qhn_core.errors import InvalidArgument
from qhn_core.lessons.conditions import Condition, all_hold
from qhn_core.lessons.outcome import Lines, Outcome, Series
from qhn_core.lessons.words import Line, number
from qhn_core.registry import KnownFields

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
#: Heights of a drawn curve, one at each of so many places equally far apart.
POINTS = 33


class Verdict(NamedTuple):
    """An answer beside what happened."""

    correct: bool | None  #: None where nothing decides it
    said: str  #: what was answered, in words
    happened: str  #: what the run showed, in words


class _Question(KnownFields):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prompt: Line = Field(description="The question itself")

    def names(self) -> list[str]:
        """Numbers of the experiment that it reads."""
        return []


class Option(KnownFields):
    """One answer to choose; right where its conditions hold, or where it says so."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: Name = Field(description="Short name under which the answer is kept")
    text: Line = Field(description="What is chosen")
    when: tuple[Condition, ...] = Field((), max_length=6, description="It is right if all of these hold in the run")
    correct: bool | None = Field(None, description="Whether it is right, where no run decides")
    why: Line | None = Field(None, description="Said to those who chose it")

    def right(self, numbers: Mapping[str, float]) -> bool:
        """Whether it is the right one."""
        return all_hold(self.when, numbers) if self.when else bool(self.correct)


class Choice(_Question):
    """One of several options."""

    kind: Literal["choice"] = "choice"
    options: tuple[Option, ...] = Field(min_length=2, max_length=6, description="What can be chosen")

    @model_validator(mode="after")
    def _decidable(self) -> Choice:
        ids = [option.id for option in self.options]
        if len(set(ids)) < len(ids):
            raise InvalidArgument("options", expected="ids that differ", got=ids)
        if not any(option.when or option.correct for option in self.options):
            raise InvalidArgument("options", expected="one that is right, by 'when' or 'correct: true'", got=ids)
        return self

    def names(self) -> list[str]:
        """Numbers of the experiment that it reads."""
        return [name for option in self.options for condition in option.when for name in condition.names()]

    def check(self, value: Any) -> str:
        """``value`` if it can be an answer."""
        if value not in [option.id for option in self.options]:
            raise InvalidArgument("answer", expected="one of the options", got=value)
        return str(value)

    def judge(self, value: Any, outcome: Outcome) -> Verdict:
        """The answer beside what happened."""
        chosen = next(option for option in self.options if option.id == value)
        right = [option.text for option in self.options if option.right(outcome.numbers)]
        said = chosen.text if chosen.why is None or chosen.right(outcome.numbers) else f"{chosen.text} {chosen.why}"
        return Verdict(chosen.right(outcome.numbers), said, " / ".join(right) or "None of these happened.")


class Number(_Question):
    """A number, right within a tolerance."""

    kind: Literal["number"] = "number"
    value: str = Field(max_length=80, description="Name of the number that the experiment gives")
    low: float = Field(description="Smallest that can be answered")
    high: float = Field(description="Largest that can be answered")
    step: float = Field(gt=0, description="Smallest difference")
    within: float = Field(gt=0, description="How far from the truth still counts as right")
    unit: str = Field("", max_length=30, description="Unit, after the number")

    @model_validator(mode="after")
    def _range(self) -> Number:
        if not self.low < self.high:
            raise InvalidArgument("low", expected=f"less than high = {self.high:g}", got=self.low)
        return self

    def names(self) -> list[str]:
        """Numbers of the experiment that it reads."""
        return [self.value]

    def check(self, value: Any) -> float:
        """``value`` if it can be an answer."""
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not good or not self.low <= value <= self.high:
            raise InvalidArgument("answer", expected=f"a number from {self.low:g} to {self.high:g}", got=value)
        return float(value)

    def judge(self, value: Any, outcome: Outcome) -> Verdict:
        """The answer beside what happened."""
        truth = outcome.numbers.get(self.value, math.nan)
        correct = None if math.isnan(truth) else abs(float(value) - truth) <= self.within
        return Verdict(correct, f"{number(float(value))} {self.unit}".strip(), f"{number(truth)} {self.unit}".strip())


class Curve(_Question):
    """A curve drawn on the empty part of a chart; right if it is near on average."""

    kind: Literal["curve"] = "curve"
    picture: str = Field(max_length=40, description="Name of the chart of curves")
    series: str = Field(max_length=80, description="Which of its curves is to be drawn on")
    start: float = Field(ge=0, description="Where drawing begins, on the x axis")
    end: float = Field(description="Where it ends")
    low: float = Field(description="Bottom of the y axis")
    high: float = Field(description="Top of the y axis")
    within: float = Field(gt=0, description="Mean distance that still counts as right, in units of the y axis")

    @model_validator(mode="after")
    def _range(self) -> Curve:
        if not (self.start < self.end and self.low < self.high):
            raise InvalidArgument("start", expected="start < end and low < high", got=(self.start, self.end))
        return self

    def check(self, value: Any) -> list[float]:
        """``value`` if it can be an answer: a height at each of :data:`POINTS` places."""
        good = isinstance(value, list) and len(value) == POINTS
        good = good and all(isinstance(v, (int, float)) and math.isfinite(v) for v in value)
        if not good or not all(self.low <= v <= self.high for v in value):
            raise InvalidArgument(
                "answer", expected=f"{POINTS} heights between {self.low:g} and {self.high:g}", got=value
            )
        return [float(v) for v in value]

    @property
    def places(self) -> NDArray[np.float64]:
        """Where the heights stand on the x axis, (POINTS,)."""
        return np.linspace(self.start, self.end, POINTS)

    def truth(self, outcome: Outcome) -> Series | None:
        """The curve as it happened; None where the experiment does not have it."""
        picture = outcome.pictures.get(self.picture)
        found = [s for s in picture.series if s.name == self.series] if isinstance(picture, Lines) else []
        return found[0] if found and len(found[0].x) else None

    def judge(self, value: Any, outcome: Outcome) -> Verdict:
        """The answer beside what happened."""
        drawn, truth = np.asarray(value, dtype=np.float64), self.truth(outcome)
        said = f"{_direction(drawn)}, ending at {number(drawn[-1])}"
        if truth is None or truth.x[-1] < self.end:
            return Verdict(None, said, "…")
        real = np.interp(self.places, truth.x, truth.y)
        apart = float(np.abs(drawn - real).mean())
        happened = f"{_direction(real)}, ending at {number(real[-1])}; on average {number(apart)} from your curve"
        return Verdict(apart <= self.within, said, happened)


class Item(KnownFields):
    """One thing to be ranked, by a number of the experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: Name = Field(description="Short name under which it is kept")
    text: Line = Field(description="What is ranked")
    value: str = Field(max_length=80, description="Name of the number that decides its place")


class Ranking(_Question):
    """Things to be put in order, the largest first."""

    kind: Literal["ranking"] = "ranking"
    items: tuple[Item, ...] = Field(min_length=2, max_length=6, description="What is ranked")

    def names(self) -> list[str]:
        """Numbers of the experiment that it reads."""
        return [item.value for item in self.items]

    def check(self, value: Any) -> list[str]:
        """``value`` if it can be an answer: all ids, from the largest down."""
        if not isinstance(value, list) or sorted(map(str, value)) != sorted(item.id for item in self.items):
            raise InvalidArgument("answer", expected="every item once", got=value)
        return [str(v) for v in value]

    def judge(self, value: Any, outcome: Outcome) -> Verdict:
        """The answer beside what happened."""
        texts = {item.id: item.text for item in self.items}
        said = " > ".join(texts[i] for i in value)
        known = {item.id: outcome.numbers.get(item.value, math.nan) for item in self.items}
        if any(math.isnan(v) for v in known.values()):
            return Verdict(None, said, "…")
        order = sorted(known, key=lambda i: -known[i])
        happened = " > ".join(f"{texts[i]} ({number(known[i])})" for i in order)
        return Verdict([known[i] for i in value] == [known[i] for i in order], said, happened)


Question = Annotated[Choice | Number | Curve | Ranking, Field(discriminator="kind")]


def _direction(y: NDArray[np.float64]) -> str:
    """What a curve does, in words."""
    span, change, lowest = float(np.ptp(y)), float(y[-1] - y[0]), float(y.min())
    if span < 1e-9 or (abs(change) < 0.02 * max(abs(float(y[0])), 1e-9) and span < 0.05 * max(abs(float(y[0])), 1e-9)):
        return "level"
    if change < 0 and y[-1] - lowest > 0.25 * span:
        return "falls, then rises"
    if change > 0 and y[0] - lowest > 0.25 * span:
        return "falls, then rises"
    return "rises" if change > 0 else "falls"
