"""Handwritten digits, scikit-learn's 8×8 images, whole or averaged down: a stand-in for small MNIST."""

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
    """Chosen digits; 8×8 pixels, or mean-pooled to 4×4 or 2×2, each standardised over the rows of these digits."""

    label: ClassVar[str] = "Digits"
    real: ClassVar[bool] = True
    class_rows: ClassVar[tuple[int, ...]] = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)  #: images of each digit
    name: Literal["digits"] = "digits"
    classes: tuple[int, ...] = Field(
        (0, 1), min_length=2, max_length=10, description="The digits to tell apart; the first is class 0"
    )
    side: Literal[8, 4, 2] = Field(2, description="Pixels along each side; below 8 after averaging")

    @field_validator("classes")
    @classmethod
    def _different_digits(cls, classes: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(classes)) < len(classes) or not set(classes) <= set(range(10)):
            raise InvalidArgument("classes", expected="at least two different digits from 0 to 9", got=classes)
        return classes

    def shape(self, uploads: Path | None = None) -> tuple[int, int]:
        """(side², number of digits); nothing is loaded."""
        return self.side**2, len(self.classes)

    def rows(self, uploads: Path | None = None) -> int:
        """Images of these digits; nothing is loaded."""
        return sum(self.class_rows[digit] for digit in self.classes)

    def load(self, uploads: Path | None = None) -> Dataset:
        """Average, standardise, and draw training and test rows."""
        self.check_rows()
        table = sklearn_table("load_digits")
        rows = np.flatnonzero(np.isin(table.y, self.classes))
        block = 8 // self.side
        pooled = table.x[rows].reshape(-1, self.side, block, self.side, block).mean(axis=(2, 4))
        x = standardise(pooled.reshape(len(rows), -1))
        y = np.argsort(self.classes)[np.searchsorted(np.sort(self.classes), table.y[rows])].astype(np.int64)
        train, test, note = draw_rows(self, y)
        return assemble(
            self,
            (x[train], y[train]),
            (x[test], y[test]),
            source=(
                f"Handwritten digits {self._listed()} (UCI, as shipped with scikit-learn): 8×8 pixels"
                + (f" averaged to {self.side}×{self.side}" if self.side < 8 else "")
                + f", each standardised over all {len(rows)} rows of these digits without labels; a stand-in for "
                f"scaled-down MNIST. {note}"
            ),
            feature_names=tuple(f"pixel {r},{c}" for r in range(self.side) for c in range(self.side)),
            class_names=tuple(map(str, self.classes)),
        )

    def _listed(self) -> str:
        return f"{', '.join(map(str, self.classes[:-1]))} and {self.classes[-1]}"
