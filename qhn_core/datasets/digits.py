"""Two handwritten digits from scikit-learn's 8×8 images, averaged down: a stand-in for small MNIST."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from qhn_core.datasets.base import DATASETS, Dataset, DatasetConfig
from qhn_core.datasets.common import assemble, draw_rows, standardise
from qhn_core.datasets.real import sklearn_table
from qhn_core.errors import InvalidArgument


@DATASETS.register
class Digits(DatasetConfig):
    """Two digits; 8×8 pixels mean-pooled to 4×4 or 2×2, each standardised over the rows of both digits."""

    label: ClassVar[str] = "Digits"
    real: ClassVar[bool] = True
    class_rows: ClassVar[tuple[int, ...]] = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)  #: images of each digit
    name: Literal["digits"] = "digits"
    classes: tuple[int, int] = Field((0, 1), description="The two digits to tell apart; the first is class 0")
    side: Literal[4, 2] = Field(2, description="Pixels along each side after averaging")

    @field_validator("classes")
    @classmethod
    def _two_digits(cls, classes: tuple[int, int]) -> tuple[int, int]:
        if classes[0] == classes[1] or not set(classes) <= set(range(10)):
            raise InvalidArgument("classes", expected="two different digits from 0 to 9", got=classes)
        return classes

    def shape(self, uploads: Path | None = None) -> tuple[int, int]:
        """(side², 2); nothing is loaded."""
        return self.side**2, 2

    def rows(self, uploads: Path | None = None) -> int:
        """Images of the two digits; nothing is loaded."""
        return self.class_rows[self.classes[0]] + self.class_rows[self.classes[1]]

    def load(self, uploads: Path | None = None) -> Dataset:
        """Average, standardise, and draw training and test rows."""
        self.check_rows()
        table = sklearn_table("load_digits")
        rows = np.flatnonzero(np.isin(table.y, self.classes))
        block = 8 // self.side
        pooled = table.x[rows].reshape(-1, self.side, block, self.side, block).mean(axis=(2, 4))
        x = standardise(pooled.reshape(len(rows), -1))
        y = (table.y[rows] == self.classes[1]).astype(np.int64)
        train, test, note = draw_rows(self, y)
        return assemble(
            self,
            (x[train], y[train]),
            (x[test], y[test]),
            source=(
                f"Handwritten digits {self.classes[0]} and {self.classes[1]} (UCI, as shipped with scikit-learn): 8×8 "
                f"pixels averaged to {self.side}×{self.side}, each standardised over all {len(rows)} rows of the two "
                f"digits without labels; a stand-in for scaled-down MNIST. {note}"
            ),
            feature_names=tuple(f"pixel {r},{c}" for r in range(self.side) for c in range(self.side)),
            class_names=(str(self.classes[0]), str(self.classes[1])),
        )
