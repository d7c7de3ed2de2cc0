"""A circle inside another."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.datasets.base import DATASETS
from qhn_core.datasets.common import Array, Labels
from qhn_core.datasets.synthetic import SyntheticConfig, gaussian

_OUTER = 1.5


@DATASETS.register
class Circles(SyntheticConfig):
    """Class 0 on a circle of radius 1.5, class 1 on one of radius 1.5·factor.

    The radii stand on either side of the diamond |x1| + |x2| = 1, which weights and biases of ±1 can draw.
    """

    label: ClassVar[str] = "Two circles"
    name: Literal["circles"] = "circles"
    noise: float = Field(
        0.15, ge=0.01, le=2.0, description="How far points lie off their circle: the standard deviation"
    )
    factor: float = Field(
        0.35, ge=0.05, le=0.95, description="How close the circles lie: the inner radius as a fraction of the outer one"
    )

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Labels]:
        """Class by a fair coin, angle, then Gaussian displacement."""
        y = rng.integers(0, 2, size=n)
        angle = rng.uniform(0.0, 2.0 * np.pi, size=n)
        radius = _OUTER * np.where(y == 1, self.factor, 1.0)
        points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return points + gaussian(rng, n, self.noise), y.astype(np.int64)

    def describe(self) -> str:
        """One sentence."""
        return (
            f"circles of radius {_OUTER:g} (class 0) and {_OUTER * self.factor:g} (class 1) "
            f"with standard deviation {self.noise:g} around them."
        )
