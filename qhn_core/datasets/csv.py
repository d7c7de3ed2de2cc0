"""The user's own table: an uploaded CSV, named by the hash of its content."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field, field_validator

from qhn_core.datasets.base import DATASETS, Dataset, DatasetConfig
from qhn_core.datasets.common import Array, Labels, assemble, check_components, draw_rows, standardise, whitened_pca
from qhn_core.datasets.table.labels import Unlabelled, row_labels
from qhn_core.datasets.table.missing import Missing, filled, rows_kept
from qhn_core.datasets.table.proposal import propose, with_target
from qhn_core.datasets.table.reader import CsvTable, read_table
from qhn_core.datasets.table.summary import ColumnSummary, CsvSummary, check_features, check_sizes, inspect_csv
from qhn_core.errors import DataError
from qhn_core.uploads import TABLE_SUFFIXES, Upload, check_sha256, read_upload

__all__ = ["ColumnSummary", "Csv", "CsvSummary", "inspect_csv"]


class _Chosen(NamedTuple):
    """The rows and columns that a configuration takes from its file."""

    x: Array  #: (rows, d), NaN where a cell is missing
    y: Labels
    classes: tuple[str, ...]
    features: tuple[str, ...]
    said: str  #: which rows and columns were left out


@DATASETS.register
class Csv(DatasetConfig):
    """Rows of an uploaded CSV, drawn stratified by class without overlap."""

    label: ClassVar[str] = "Your own CSV"
    real: ClassVar[bool] = True
    name: Literal["csv"] = "csv"
    sha256: str = Field("", description="The uploaded file, by the SHA-256 of its content")
    target: str = Field("", max_length=1000, description="Column with the class; empty means the one that looks so")
    features: tuple[str, ...] = Field(
        (), max_length=1000, description="Columns of numbers; none named means all others but row numbers"
    )
    header: bool | None = Field(
        None, description="Whether row 1 holds the names of the columns; empty leaves it to what stands there"
    )
    missing: Missing = Field(
        "refuse",
        description="Missing cells of features: refuse them, leave out their rows, or put the training rows' median",
    )
    unlabelled: Unlabelled = Field(
        "auto",
        description="Classes that are words such as NA, None or ?: a class where they are as frequent as one (auto), "
        "always a class, or no class, and their rows are left out; an empty one is refused by auto, else left out",
    )
    standardise: bool = Field(True, description="Shift and scale each feature to mean 0 and standard deviation 1")
    components: int | None = Field(
        None, ge=1, le=64, description="Keep so many whitened principal components; empty keeps the features"
    )

    @field_validator("sha256")
    @classmethod
    def _hash(cls, sha256: str) -> str:
        return check_sha256(sha256) if sha256 else sha256

    def uploaded(self) -> Upload | None:
        """The file, where one is named."""
        return Upload(self.sha256, TABLE_SUFFIXES, "CSV") if self.sha256 else None

    def shape(self, uploads: Path | None = None) -> tuple[int, int]:
        """(inputs, classes); the file is parsed once and remembered."""
        chosen = self._chosen(uploads)
        if self.components:
            check_components(self.components, chosen.x)
        return self.components or len(chosen.features), len(chosen.classes)

    def rows(self, uploads: Path | None = None) -> int:
        """Rows that are not left out; the file is parsed once and remembered."""
        return len(self._chosen(uploads).y)

    def load(self, uploads: Path | None = None) -> Dataset:
        """Draw training and test rows, fill missing cells, standardise and project all rows as asked.

        Raises:
            MissingUpload: the file is not in ``uploads``.
            DataError: the file cannot be used; names row, column and remedy.
        """
        chosen = self._chosen(uploads)
        self.check_rows(uploads)
        train, test, note = draw_rows(self, chosen.y)
        x, medians = filled(chosen.x, train, chosen.features)
        names, done = chosen.features, f"{len(chosen.features)} feature{'s' if len(chosen.features) > 1 else ''}"
        if self.standardise:
            x, done = standardise(x), f"{done} standardised"
        if self.components:
            x, done = whitened_pca(x, self.components), f"{done}, whitened PCA to {self.components}"
            names = tuple(f"PC{i + 1}" for i in range(self.components))
        if self.standardise or self.components:
            done += ", fitted on all rows without labels (transductive)"
        return assemble(
            self,
            (x[train], chosen.y[train]),
            (x[test], chosen.y[test]),
            source=f"Uploaded CSV {self.sha256[:12]}…: {done}. {chosen.said}{medians}{note}",
            feature_names=names,
            class_names=chosen.classes,
        )

    def _chosen(self, uploads: Path | None) -> _Chosen:
        table = self._parsed(uploads)
        names = [c.name for c in table.columns]
        target = _position("target", self.target, names) if self.target else propose(table, self.unlabelled).target
        target = len(names) - 1 if target is None else target
        at, left_out = self._places(table, names, target)
        check_features(table, at, missing=self.missing)
        if not (self.standardise or self.components):
            check_sizes(table, at)
        y, classes = row_labels(table, target, self.unlabelled)
        x = table.numbers[:, at]
        kept, said = rows_kept(x, y, self.missing)
        used = np.unique(y[kept])
        if len(used) < len(classes):
            gone = ", ".join(classes[c] for c in range(len(classes)) if c not in used)
            raise DataError(
                f"column '{names[target]}'",
                expected="rows of every class",
                got=f"none of {gone} once rows with missing cells are left out",
                remedy="Leave out the column with most missing cells, or choose 'missing: median'.",
            )
        return _Chosen(x[kept], y[kept], classes, tuple(names[i] for i in at), left_out + said)

    def _places(self, table: CsvTable, names: list[str], target: int) -> tuple[list[int], str]:
        """(places of the feature columns, sentence about columns left out)."""
        if not self.features:
            proposal = with_target(table, target)
            out = () if proposal.kept else proposal.row_numbers
            at = [i for i in range(len(names)) if i != target and i not in out]
            if not at:
                raise DataError(
                    "features", expected="a column beside the target", got="one column", remedy="Check the separator."
                )
            listed = ", ".join(f"'{names[i]}'" for i in out)
            return at, f"Left out as row numbers: {listed}. " if out else ""
        if names[target] in self.features:
            raise DataError(
                "features", expected="columns other than the target", got=names[target], remedy="Leave it out."
            )
        if len(set(self.features)) != len(self.features):
            raise DataError("features", expected="each column once", got=self.features)
        return [_position("features", name, names) for name in self.features], ""

    def _parsed(self, uploads: Path | None) -> CsvTable:
        if not self.sha256:
            raise DataError("sha256", expected="an uploaded file", got="none", remedy="Choose a CSV file to upload.")
        return _parsed(str(uploads), self.sha256, self.header)


@lru_cache(maxsize=4)
def _parsed(uploads: str, sha256: str, header: bool | None) -> CsvTable:
    folder = None if uploads == "None" else Path(uploads)
    return read_table(read_upload(folder, sha256, suffixes=TABLE_SUFFIXES, what="CSV"), header=header)


def _position(argument: str, name: str, names: list[str]) -> int:
    if name in names:
        return names.index(name)
    listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    raise DataError(argument, expected=f"a column of the file ({listed})", got=name, remedy="Choose one of them.")
