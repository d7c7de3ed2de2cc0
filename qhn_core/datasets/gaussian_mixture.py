"""The two-class Gaussian mixture of arXiv:2301.08292."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.datasets.base import DATASETS
from qhn_core.datasets.common import Array, Labels
from qhn_core.datasets.synthetic import SyntheticConfig, gaussian

_CENTRES = np.array([[-1.0, -2.0], [-2.0, 1.0], [1.0, 1.0], [2.0, -2.0]])


@DATASETS.register
class GaussianMixture(SyntheticConfig):
    """Class 0: N((−1, −2), 0.1·noise·I); class 1: an equal mixture of N((−2, 1)), N((1, 1)), N((2, −2)).

    All have the same covariance; the classes are equally likely. Source: arXiv:2301.08292.
    """

    label: ClassVar[str] = "Gaussian mixture"
    name: Literal["gaussian_mixture"] = "gaussian_mixture"
    noise: float = Field(
        1.0,
        ge=0.01,
        le=20.0,
        description="How far the clusters spread, and so overlap: a factor on the covariance 0.1·I of each",
    )

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Labels]:
        """Class by a fair coin, then its component, then Gaussian displacement."""
        y = rng.integers(0, 2, size=n)
        component = np.where(y == 1, rng.integers(1, 4, size=n), 0)
        return _CENTRES[component] + gaussian(rng, n, float(np.sqrt(0.1 * self.noise))), y.astype(np.int64)

    def describe(self) -> str:
        """One sentence."""
        return (
            "class 0 around (-1, -2), class 1 an equal mixture around (-2, 1), (1, 1), (2, -2); "
            f"covariance {0.1 * self.noise:g}·I (arXiv:2301.08292)."
        )
