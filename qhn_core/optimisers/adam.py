"""Adam: Kingma & Ba, arXiv:1412.6980 (2014).

m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ − lr · m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ) and v̂ = v/(1−β₂ᵗ).

The formula is that of ``torch.optim.Adam``, which the tests hold it to. It is not torch's because one torch step on a
tensor this small costs 30 to 70 µs of bookkeeping, a whole training step at six to ten qubits, and because torch takes
two seconds to import; as one compiled loop it costs 2 µs, in NumPy 6.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.compiled import compiled
from qhn_core.compiled.rows import RowUpdate
from qhn_core.optimisers.base import OPTIMISERS, Array, Closure, OptimiserConfig, OptimiserState
from qhn_core.schedules import value_at


@OPTIMISERS.register
class Adam(OptimiserConfig):
    """Adam with bias correction."""

    label: ClassVar[str] = "Adam"
    name: Literal["adam"] = "adam"
    beta1: float = Field(
        0.9,
        ge=0.0,
        lt=1.0,
        description="How long earlier slopes are remembered: decay rate β₁ of the mean of gradients",
    )
    beta2: float = Field(
        0.999,
        ge=0.0,
        lt=1.0,
        description="How long the size of earlier slopes is remembered: decay rate β₂ of the mean of squared gradients",
    )
    eps: float = Field(
        1e-8, gt=0.0, le=1.0, description="Keeps tiny slopes from becoming huge moves: ε is added to the denominator"
    )

    def init(self, theta: Array) -> OptimiserState:
        """First and second moments, zero."""
        return {"mean": np.zeros_like(theta), "square": np.zeros_like(theta)}

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
        moved, mean, square = np.empty_like(theta), np.empty_like(theta), np.empty_like(theta)
        rate, root = self._rate(step)
        before = (np.ascontiguousarray(theta), np.ascontiguousarray(gradient), state["mean"], state["square"])
        compiled().adam_rows(*before, self.beta1, self.beta2, rate, root, self.eps, moved, mean, square)
        return moved, {"mean": mean, "square": square}

    def by_rows(self, steps: int) -> RowUpdate | None:
        """Updates with a learning rate for each step; None where steps depend on the gradient's norm or on the loss."""
        if self.clip is not None or self.early_stop is not None:
            return None
        rates, roots = np.array([self._rate(step) for step in range(steps)]).reshape(steps, 2).T.copy()
        return RowUpdate(compiled().adam_rows, self.beta1, self.beta2, self.eps, rates, roots)

    def _rate(self, step: int) -> tuple[float, float]:
        """lr / (1 − β₁ᵗ) and √(1 − β₂ᵗ) of the update that follows ``step``."""
        done = step + 1
        return value_at(self.lr, step) / (1.0 - self.beta1**done), (1.0 - self.beta2**done) ** 0.5
