"""What a dataset is, and what every dataset configuration has."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.errors import InvalidArgument
from qhn_core.registry import Registry, VariantConfig


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled examples, split in training and test.

    Args:
        name: the dataset's name.
        x_train, x_test: features, float64, shapes (n_train, d) and (n_test, d).
        y_train, y_test: labels 0…C−1, int64, shapes (n_train,) and (n_test,).
        source: where it comes from and what was done to it, for people to read.
        feature_names, class_names: for axes and legends.
        costs: for a cost table only: the (2**N,) vector; x and y are then empty.
    """

    name: str
    x_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.int64]
    source: str
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    costs: NDArray[np.float64] | None = field(default=None, repr=False)

    @property
    def n_features(self) -> int:
        """Number d of features."""
        return int(self.x_train.shape[1])

    @property
    def n_classes(self) -> int:
        """Number C of classes."""
        return len(self.class_names) or int(max(self.y_train.max(initial=-1), self.y_test.max(initial=-1))) + 1

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the arrays."""
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test, self.costs):
            if array is not None:
                digest.update(str((array.shape, array.dtype)).encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


class DatasetConfig(VariantConfig):
    """Base of all datasets: sizes, label noise and seed."""

    #: Whether training needs a network on top (everything but a cost table).
    needs_network: ClassVar[bool] = True
    #: Whether the rows are observations, of which there are only so many; examples are made anew otherwise.
    real: ClassVar[bool] = False

    n_train: int = Field(20, ge=2, le=10_000, description="How many examples the network learns from")
    n_test: int = Field(500, ge=0, le=20_000, description="How many further examples it is tested on")
    label_noise: float = Field(
        0.0, ge=0.0, le=0.5, description="How many training labels are wrong: the fraction flipped at random"
    )
    label_noise_test: bool = Field(
        False, description="Whether test labels are wrong as often; otherwise they are clean"
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Another number draws other examples from the same source")

    @abstractmethod
    def load(self, uploads: Path | None = None) -> Dataset:
        """The dataset. ``uploads`` is the folder of content-addressed uploaded files, for those that need one."""

    @abstractmethod
    def shape(self, uploads: Path | None = None) -> tuple[int, int]:
        """(number of features, number of classes) without loading more than is needed."""

    def rows(self, uploads: Path | None = None) -> int | None:
        """How many rows training and test examples are drawn from; None where examples are made anew."""
        return None

    def check_rows(self, uploads: Path | None = None) -> None:
        """Refuse more training examples than there are rows."""
        rows = self.rows(uploads)
        if rows is not None and self.n_train > rows:
            raise InvalidArgument(
                "n_train",
                expected=f"at most {rows}, the rows of '{self.name}'",
                got=self.n_train,
                remedy=f"Choose at most {rows} training examples; what they leave is the test set.",
            )


DATASETS: Registry[DatasetConfig] = Registry("dataset", DatasetConfig)
