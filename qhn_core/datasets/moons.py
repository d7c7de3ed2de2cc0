"""Two interleaved half circles."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.datasets.base import DATASETS
from qhn_core.datasets.common import Array, Labels
from qhn_core.datasets.synthetic import SyntheticConfig, gaussian


@DATASETS.register
class Moons(SyntheticConfig):
    """Class 0: (cos φ, sin φ); class 1: (1 − cos φ, ½ − sin φ), φ uniform on [0, π]; centred at the origin."""

    label: ClassVar[str] = "Two moons"
    name: Literal["moons"] = "moons"
    noise: float = Field(
        0.2, ge=0.01, le=2.0, description="How far points lie off their half circle: the standard deviation"
    )

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Labels]:
        """Class by a fair coin, angle, then Gaussian displacement."""
        y = rng.integers(0, 2, size=n)
        angle = rng.uniform(0.0, np.pi, size=n)
        first = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25], axis=1)
        return np.where(y[:, None] == 0, first, -first) + gaussian(rng, n, self.noise), y.astype(np.int64)

    def describe(self) -> str:
        """One sentence."""
        return f"two interleaved half circles of radius 1, centred, with standard deviation {self.noise:g} around them."
