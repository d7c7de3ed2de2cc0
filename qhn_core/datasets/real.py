"""What the tables shipped inside scikit-learn share: class choice, standardising, whitened PCA."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field, field_validator

from qhn_core.datasets.base import Dataset, DatasetConfig
from qhn_core.datasets.common import Array, Labels, assemble, draw_rows, standardise, whitened_pca
from qhn_core.errors import InvalidArgument


class Table(NamedTuple):
    """A table as it ships."""

    x: Array
    y: Labels
    class_names: tuple[str, ...]


@cache
def sklearn_table(loader: str) -> Table:
    """The table of ``sklearn.datasets.<loader>``; the import costs about a second, once."""
    import sklearn.datasets

    bunch: Any = getattr(sklearn.datasets, loader)()
    names = tuple(str(name) for name in bunch.target_names)
    return Table(np.asarray(bunch.data, dtype=np.float64), np.asarray(bunch.target, dtype=np.int64), names)


class RealConfig(DatasetConfig):
    """Base of the standardised, whitened tables."""

    loader: ClassVar[str]
    title: ClassVar[str]
    total_classes: ClassVar[int]
    total_features: ClassVar[int]
    class_rows: ClassVar[tuple[int, ...]]  #: rows of each class, by number
    real: ClassVar[bool] = True

    classes: tuple[int, ...] = Field((), description="Classes to keep, by number from 0; none named means all")

    @field_validator("classes")
    @classmethod
    def _known_classes(cls, classes: tuple[int, ...]) -> tuple[int, ...]:
        known = set(classes) <= set(range(cls.total_classes)) and len(set(classes)) == len(classes) != 1
        if not known:
            raise InvalidArgument(
                "classes",
                expected=f"at least two different numbers from 0 to {cls.total_classes - 1}, or none for all",
                got=classes,
            )
        return classes

    def kept_components(self) -> int:
        """Number of principal components kept."""
        return int(getattr(self, "components"))  # noqa: B009 - each table declares the field with its own bound

    def shape(self, uploads: Path | None = None) -> tuple[int, int]:
        """(components, kept classes); nothing is loaded."""
        return self.kept_components(), len(self.classes) or self.total_classes

    def rows(self, uploads: Path | None = None) -> int:
        """Rows of the kept classes; nothing is loaded."""
        return sum(self.class_rows[c] for c in self.classes or range(self.total_classes))

    def load(self, uploads: Path | None = None) -> Dataset:
        """Standardise and whiten all rows, keep the chosen classes, draw training and test rows."""
        self.check_rows()
        table = sklearn_table(self.loader)
        d = self.kept_components()
        features = whitened_pca(standardise(table.x), d)
        kept = self.classes or tuple(range(self.total_classes))
        rows = np.flatnonzero(np.isin(table.y, kept))
        x, y = features[rows], np.searchsorted(np.sort(kept), table.y[rows]).astype(np.int64)
        train, test, note = draw_rows(self, y)
        return assemble(
            self,
            (x[train], y[train]),
            (x[test], y[test]),
            source=(
                f"{self.title}, as shipped with scikit-learn: {table.x.shape[1]} features standardised, then whitened "
                f"PCA to {d}, both fitted on all {len(table.x)} rows without labels (transductive). {note}"
            ),
            feature_names=tuple(f"PC{i + 1}" for i in range(d)),
            class_names=tuple(table.class_names[c] for c in sorted(kept)),
        )
