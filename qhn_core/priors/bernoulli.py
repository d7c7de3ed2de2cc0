"""Product Bernoulli prior π(w) = Π_i ρ_i^{w_i} (1 − ρ_i)^{1 − w_i}; uniform at ρ = ½."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from qhn_core.errors import InvalidArgument
from qhn_core.priors.base import PRIORS, PriorConfig


@PRIORS.register
class Bernoulli(PriorConfig):
    """Independent bits; ``rho`` is one rate for all, or one per bit."""

    label: ClassVar[str] = "Bernoulli"
    name: Literal["bernoulli"] = "bernoulli"
    rho: float | tuple[float, ...] = Field(
        0.5,
        description="How likely each bit is 1 before any data are seen: ρ = P(bit = 1), for all bits or one per bit",
    )

    @field_validator("rho")
    @classmethod
    def _inside(cls, rho: float | tuple[float, ...]) -> float | tuple[float, ...]:
        values = (rho,) if isinstance(rho, float) else rho
        if not values or not all(0.0 < r < 1.0 for r in values):
            raise InvalidArgument(
                "rho", expected="rates strictly between 0 and 1", got=rho, remedy="Use 0.01 for 'almost never'."
            )
        return rho

    def rates(self, n_bits: int) -> NDArray[np.float64]:
        """ρ as an (n_bits,) vector."""
        if isinstance(self.rho, float):
            return np.full(n_bits, self.rho)
        if len(self.rho) != n_bits:
            raise InvalidArgument("rho", expected=f"one rate, or {n_bits} of them", got=f"{len(self.rho)} rates")
        return np.asarray(self.rho)
