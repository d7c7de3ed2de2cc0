"""Four Gaussian clusters at (±1, ±1); the class is 1 where the signs differ."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.datasets.base import DATASETS
from qhn_core.datasets.common import Array, Labels
from qhn_core.datasets.synthetic import SyntheticConfig, gaussian


@DATASETS.register
class Xor(SyntheticConfig):
    """Clusters N((±1, ±1), noise²·I), equally likely."""

    label: ClassVar[str] = "XOR"
    name: Literal["xor"] = "xor"
    noise: float = Field(
        0.45, ge=0.01, le=2.0, description="How far the clusters spread, and so overlap: the standard deviation of each"
    )

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Labels]:
        """Corner by fair coins, then Gaussian displacement."""
        corner = rng.integers(0, 2, size=(n, 2))
        return 2.0 * corner - 1.0 + gaussian(rng, n, self.noise), (corner[:, 0] ^ corner[:, 1]).astype(np.int64)

    def describe(self) -> str:
        """One sentence."""
        return f"four clusters at (±1, ±1) with standard deviation {self.noise:g}; class 1 where the signs differ."
