"""What the synthetic datasets share: two features, a spread, independent training and test draws."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import numpy as np

from qhn_core.datasets.base import Dataset, DatasetConfig
from qhn_core.datasets.common import TEST, TRAIN, Array, Labels, assemble, stream


class SyntheticConfig(DatasetConfig):
    """Base of the synthetic datasets in the plane."""

    @property
    def class_count(self) -> int:
        """Number C of classes."""
        return 2

    @abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Labels]:
        """n fresh examples: features (n, 2) and labels (n,)."""

    @abstractmethod
    def describe(self) -> str:
        """One sentence about the distribution."""

    def shape(self, uploads: Path | None = None) -> tuple[int, int]:
        """Two features, and the number of classes."""
        return 2, self.class_count

    def load(self, uploads: Path | None = None) -> Dataset:
        """Independent training and test draws; neither depends on the other's size or on the label noise."""
        return assemble(
            self,
            self.draw(self.n_train, stream(self.seed, TRAIN)),
            self.draw(self.n_test, stream(self.seed, TEST)),
            source=f"Synthetic: {self.describe()}",
            feature_names=("x1", "x2"),
            class_names=tuple(str(c) for c in range(self.class_count)),
        )


def gaussian(rng: np.random.Generator, n: int, spread: float) -> Array:
    """n isotropic Gaussian displacements in the plane with standard deviation ``spread``."""
    return spread * rng.standard_normal((n, 2))
