"""Gradient descent with momentum: v ← μv + g, θ ← θ − lr · v (Nesterov: θ ← θ − lr · (g + μv)).

The formula is that of ``torch.optim.SGD``, which the tests hold it to; see ``adam.py`` for why it is in NumPy.
Nesterov's form: Sutskever et al., ICML 2013.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from qhn_core.errors import InvalidArgument
from qhn_core.optimisers.base import OPTIMISERS, Array, Closure, OptimiserConfig, OptimiserState
from qhn_core.schedules import Scheduled, value_at


@OPTIMISERS.register
class SGD(OptimiserConfig):
    """Gradient descent, plain or with momentum."""

    label: ClassVar[str] = "Gradient descent"
    name: Literal["sgd"] = "sgd"
    lr: Scheduled = Field(
        0.5,
        description="How far the angles move in a step: too small is slow, too large never settles",
    )
    momentum: float = Field(0.9, ge=0.0, lt=1.0, description="How much of the last move goes on, μ; 0: none")
    nesterov: bool = Field(False, description="Nesterov's momentum, which looks one update ahead")

    @model_validator(mode="after")
    def _needs_momentum(self) -> SGD:
        if self.nesterov and self.momentum == 0.0:
            raise InvalidArgument("nesterov", expected="a momentum above 0", got="momentum 0")
        return self

    def init(self, theta: Array) -> OptimiserState:
        """Velocity, zero."""
        return {"velocity": np.zeros_like(theta)}

    def step(
        self,
        theta: Array,
        gradient: Array,
        state: OptimiserState,
        *,
        step: int,
        closure: Closure,
        value: Array | None = None,
    ) -> tuple[Array, OptimiserState]:
        """One update, elementwise over all replicas."""
        velocity = self.momentum * state["velocity"] + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return theta - value_at(self.lr, step) * direction, {"velocity": velocity}
