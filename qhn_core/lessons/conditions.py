"""What must hold of an experiment's numbers: data that is compared, never text that is evaluated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pydantic import ConfigDict, Field, model_validator

from qhn_core.errors import InvalidArgument
from qhn_core.registry import KnownFields

#: A number, or the name of one that the experiment gives.
Bound = float | str


class Condition(KnownFields):
    """``value`` is above, below or near something: a number, or another value by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: str = Field(description="Name of a number that the experiment gives", max_length=80)
    above: Bound | None = Field(None, description="It is larger than this")
    below: Bound | None = Field(None, description="It is smaller than this")
    near: Bound | None = Field(None, description="It is this, within 'by'")
    by: float = Field(0.0, ge=0.0, description="Tolerance of 'near'")

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if self.above is None and self.below is None and self.near is None:
            raise InvalidArgument("value", expected="one of above, below or near beside it", got=self.value)
        return self

    def names(self) -> list[str]:
        """The names of numbers that it reads."""
        return [self.value, *(b for b in (self.above, self.below, self.near) if isinstance(b, str))]

    def holds(self, numbers: Mapping[str, float]) -> bool:
        """Whether it holds; a number that is not known makes it false."""

        def known(bound: Bound) -> float:
            return numbers.get(bound, math.nan) if isinstance(bound, str) else bound

        value = numbers.get(self.value, math.nan)
        tests = []
        if self.above is not None:
            tests.append(value > known(self.above))
        if self.below is not None:
            tests.append(value < known(self.below))
        if self.near is not None:
            tests.append(abs(value - known(self.near)) <= self.by)
        return all(tests)


def all_hold(conditions: Sequence[Condition], numbers: Mapping[str, float]) -> bool:
    """Whether every condition holds."""
    return all(condition.holds(numbers) for condition in conditions)
