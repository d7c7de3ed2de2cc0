"""RMSprop: v ← αv + (1−α)g², u ← μu + g/(√v + ε), θ ← θ − lr · u (Hinton, lecture 6e of "Neural Networks", 2012).

With ``centered``, v is replaced by v − ḡ², the variance of the gradient: Graves, arXiv:1308.0850 (2013).
The formula is that of ``torch.optim.RMSprop``, which the tests hold it to; see ``adam.py`` for why it is in NumPy.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.optimisers.base import OPTIMISERS, Array, Closure, OptimiserConfig, OptimiserState
from qhn_core.schedules import Scheduled, value_at


@OPTIMISERS.register
class RMSprop(OptimiserConfig):
    """Gradient divided by a running root mean square."""

    label: ClassVar[str] = "RMSprop"
    name: Literal["rmsprop"] = "rmsprop"
    lr: Scheduled = Field(
        0.01,
        description="How far the angles move in a step: too small is slow, too large never settles",
    )
    alpha: float = Field(
        0.99,
        ge=0.0,
        lt=1.0,
        description="How long the size of earlier slopes is remembered: decay rate α of the mean of squared gradients",
    )
    eps: float = Field(
        1e-8, gt=0.0, le=1.0, description="Keeps tiny slopes from becoming huge moves: ε is added to the denominator"
    )
    momentum: float = Field(0.0, ge=0.0, lt=1.0, description="How much of the last move goes on, μ; 0: none")
    centered: bool = Field(False, description="Divide by the gradient's standard deviation")

    def init(self, theta: Array) -> OptimiserState:
        """Mean square, velocity and mean, zero."""
        return {"square": np.zeros_like(theta), "velocity": np.zeros_like(theta), "mean": np.zeros_like(theta)}

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
        mean, velocity = state["mean"], state["velocity"]
        square = self.alpha * state["square"] + (1.0 - self.alpha) * (gradient * gradient)
        spread = square
        if self.centered:
            mean = mean + (1.0 - self.alpha) * (gradient - mean)
            spread = np.maximum(square - mean * mean, 0.0)
        velocity = self.momentum * velocity + gradient / (np.sqrt(spread) + self.eps)
        moved = theta - value_at(self.lr, step) * velocity
        return moved, {"square": square, "velocity": velocity, "mean": mean}
