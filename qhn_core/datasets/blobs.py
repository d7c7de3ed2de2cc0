"""Gaussian clusters on a ring, one per class."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.datasets.base import DATASETS
from qhn_core.datasets.common import Array, Labels
from qhn_core.datasets.synthetic import SyntheticConfig, gaussian


@DATASETS.register
class Blobs(SyntheticConfig):
    """Class c: N(1.5·(cos φ_c, sin φ_c), noise²·I) with φ_c = π/4 + 2πc/C, equally likely."""

    label: ClassVar[str] = "Blobs"
    name: Literal["blobs"] = "blobs"
    noise: float = Field(
        0.6, ge=0.01, le=3.0, description="How far the clusters spread, and so overlap: the standard deviation of each"
    )
    classes: int = Field(2, ge=2, le=6, description="Number of clusters, each a class")

    @property
    def class_count(self) -> int:
        """Number of clusters."""
        return self.classes

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Labels]:
        """Class uniformly, then Gaussian displacement."""
        y = rng.integers(0, self.classes, size=n)
        angle = np.pi / 4 + 2.0 * np.pi * y / self.classes
        centres = 1.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return centres + gaussian(rng, n, self.noise), y.astype(np.int64)

    def describe(self) -> str:
        """One sentence."""
        return f"{self.classes} clusters on a ring of radius 1.5 with standard deviation {self.noise:g}, one per class."
