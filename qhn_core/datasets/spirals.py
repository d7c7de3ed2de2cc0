"""Two intertwined spirals."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.datasets.base import DATASETS
from qhn_core.datasets.common import Array, Labels
from qhn_core.datasets.synthetic import SyntheticConfig, gaussian


@DATASETS.register
class Spirals(SyntheticConfig):
    """Class 0: 2·√u·(cos φ, sin φ) with φ = 2π·turns·√u, u uniform on [0, 1]; class 1: the same, turned by π."""

    label: ClassVar[str] = "Two spirals"
    name: Literal["spirals"] = "spirals"
    noise: float = Field(0.1, ge=0.01, le=1.0, description="How far points lie off their arm: the standard deviation")
    turns: float = Field(0.75, ge=0.1, le=3.0, description="Full turns of each arm")

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Labels]:
        """Class by a fair coin, place along the arm, then Gaussian displacement."""
        y = rng.integers(0, 2, size=n)
        along = np.sqrt(rng.uniform(0.0, 1.0, size=n))
        angle = 2.0 * np.pi * self.turns * along + np.pi * y
        points = 2.0 * along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return points + gaussian(rng, n, self.noise), y.astype(np.int64)

    def describe(self) -> str:
        """One sentence."""
        return (
            f"two spirals of radius 2 and {self.turns:g} turns with standard deviation {self.noise:g} around each arm."
        )
