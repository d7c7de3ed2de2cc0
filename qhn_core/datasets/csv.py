"""The user's own table: an uploaded CSV, named by the hash of its content."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field, field_validator

from qhn_core.datasets.base import DATASETS, Dataset, DatasetConfig
from qhn_core.datasets.common import Array, Labels, assemble, check_components, draw_rows, standardise, whitened_pca
from qhn_core.datasets.csv_table import MAX_CLASSES, Column, CsvTable, is_decimal, read_table
from qhn_core.datasets.uploads import check_sha256, read_upload
from qhn_core.errors import DataError, QHNError

_SUFFIXES = (".csv", ".txt")


class ColumnSummary(NamedTuple):
    """One column of an uploaded table."""

    name: str
    numeric: bool  #: can be a feature: every cell is a finite number
    classes: tuple[str, ...]  #: its values, if it can be the target (2 to 20 of them, none missing); else empty
    problem: str  #: why it cannot be a feature, or empty


class CsvSummary(NamedTuple):
    """What a form needs to know about an uploaded table."""

    columns: tuple[ColumnSummary, ...]
    n_rows: int
    target: str  #: proposed target column, or empty if none can be
    features: tuple[str, ...]  #: numeric columns beside it
    notes: tuple[str, ...]  #: encoding, separator
    problems: tuple[str, ...]  #: what stands in the way; empty if the table can be used


def inspect_csv(data: bytes, *, header: bool = True) -> CsvSummary:
    """What is in an uploaded table; problems are listed, not raised."""
    try:
        table = read_table(data, header=header)
    except QHNError as error:
        return CsvSummary((), 0, "", (), (), (str(error),))
    columns = tuple(
        ColumnSummary(c.name, c.numeric, _class_names(c) if _why_no_target(c) is None else (), _why_no_feature(c))
        for c in table.columns
    )
    targets = [c.name for c in columns if c.classes]
    target = targets[-1] if targets else ""
    features = tuple(c.name for c in columns if c.numeric and c.name != target)
    problems = []
    why = _why_no_target(table.columns[-1])
    if not target:
        problems.append(
            f"No column can be the target: it needs 2 to {MAX_CLASSES} different values, and one in every row. "
            f"The last, {why}"
        )
    if not features:
        problems.append("No column can be a feature: one with a number in every row is needed.")
    notes = list(table.notes)
    if target and table.columns[-1].missing[0]:
        notes.append(f"the last column cannot be the target: {why}")
    if header and all(_is_number(c.name) for c in table.columns):
        notes.append("row 1 holds only numbers: switch the header off if it is data")
    return CsvSummary(columns, table.n_rows, target, features, tuple(notes), tuple(problems))


@DATASETS.register
class Csv(DatasetConfig):
    """Rows of an uploaded CSV, drawn stratified by class without overlap."""

    label: ClassVar[str] = "Your own CSV"
    real: ClassVar[bool] = True
    name: Literal["csv"] = "csv"
    sha256: str = Field("", description="The uploaded file, by the SHA-256 of its content")
    target: str = Field("", max_length=1000, description="Column with the class; empty means the last one")
    features: tuple[str, ...] = Field(
        (), max_length=1000, description="Columns of numbers; none named means all others"
    )
    header: bool = Field(True, description="Row 1 holds the names of the columns")
    standardise: bool = Field(True, description="Shift and scale each feature to mean 0 and standard deviation 1")
    components: int | None = Field(
        None, ge=1, le=64, description="Keep so many whitened principal components; empty keeps the features"
    )

    @field_validator("sha256")
    @classmethod
    def _hash(cls, sha256: str) -> str:
        return check_sha256(sha256) if sha256 else sha256

    def shape(self, uploads: Path | None = None) -> tuple[int, int]:
        """(inputs, classes); the file is parsed once and remembered."""
        x, _, class_names, features = self._table(uploads)
        if self.components:
            check_components(self.components, x)
        return self.components or len(features), len(class_names)

    def rows(self, uploads: Path | None = None) -> int:
        """Rows below the header; the file is parsed once and remembered."""
        return self._parsed(uploads).n_rows

    def load(self, uploads: Path | None = None) -> Dataset:
        """Standardise and project all rows as asked, then draw training and test rows.

        Raises:
            MissingUpload: the file is not in ``uploads``.
            DataError: the file cannot be used; names row, column and remedy.
        """
        x, y, class_names, features = self._table(uploads)
        self.check_rows(uploads)
        done = f"{len(features)} feature{'s' if len(features) > 1 else ''}"
        if self.standardise:
            x, done = standardise(x), f"{done} standardised"
        names = features
        if self.components:
            x, done = whitened_pca(x, self.components), f"{done}, whitened PCA to {self.components}"
            names = tuple(f"PC{i + 1}" for i in range(self.components))
        if self.standardise or self.components:
            done += ", fitted on all rows without labels (transductive)"
        train, test, note = draw_rows(self, y)
        return assemble(
            self,
            (x[train], y[train]),
            (x[test], y[test]),
            source=f"Uploaded CSV {self.sha256[:12]}…: {done}. {note}",
            feature_names=names,
            class_names=class_names,
        )

    def _table(self, uploads: Path | None) -> tuple[Array, Labels, tuple[str, ...], tuple[str, ...]]:
        """(features (rows, d), labels, class names, feature names)."""
        table = self._parsed(uploads)
        names = [c.name for c in table.columns]
        target = _position("target", self.target, names) if self.target else len(names) - 1
        chosen = self.features or tuple(n for i, n in enumerate(names) if i != target)
        if names[target] in self.features:
            raise DataError(
                "features", expected="columns other than the target", got=names[target], remedy="Leave it out."
            )
        if len(set(chosen)) != len(chosen):
            raise DataError("features", expected="each column once", got=chosen)
        if not chosen:
            raise DataError(
                "features", expected="a column beside the target", got="one column", remedy="Check the separator."
            )
        at = [_position("features", name, names) for name in chosen]
        _check_features([table.columns[i] for i in at])
        y, class_names = _labels(table, target)
        return table.numbers[:, at], y, class_names, tuple(chosen)

    def _parsed(self, uploads: Path | None) -> CsvTable:
        if not self.sha256:
            raise DataError("sha256", expected="an uploaded file", got="none", remedy="Choose a CSV file to upload.")
        return _parsed(str(uploads), self.sha256, self.header)


@lru_cache(maxsize=4)
def _parsed(uploads: str, sha256: str, header: bool) -> CsvTable:
    folder = None if uploads == "None" else Path(uploads)
    return read_table(read_upload(folder, sha256, suffixes=_SUFFIXES, what="CSV"), header=header)


def _position(argument: str, name: str, names: list[str]) -> int:
    if name in names:
        return names.index(name)
    listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    raise DataError(argument, expected=f"a column of the file ({listed})", got=name, remedy="Choose one of them.")


def _why_no_feature(column: Column) -> str:
    """Why a column cannot be a feature, naming the first offending row; empty if it can."""
    if column.text[0]:
        return f"text '{column.text[2]}' in row {column.text[1]}"
    if column.missing[0]:
        return _missing(column)
    if column.infinite[0]:
        return f"'{column.infinite[2]}' in row {column.infinite[1]}"
    return ""


def _missing(column: Column) -> str:
    """The first missing cell, and what is written there, if anything is."""
    _, row, cell = column.missing
    return f"'{cell}' in row {row}, which counts as a missing cell" if cell else f"a missing cell in row {row}"


def _check_features(columns: list[Column]) -> None:
    bad = [c for c in columns if not c.numeric]
    if not bad:
        return
    first, more = bad[0], f" ({len(bad)} such columns: {', '.join(c.name for c in bad[:8])})" if len(bad) > 1 else ""
    if first.text[0] and is_decimal(first.text[2]):
        remedy = "Write decimals with a point."
    elif first.text[0] and first.text[2].lstrip("+-").replace(",", "").replace(".", "").isdecimal():
        remedy = "Write decimals with a point, and thousands without a separator."
    elif first.text[0]:
        remedy = "Leave the column out, or code it as numbers."
    else:
        remedy = "Fill the cell or delete the row, or leave the column out."
    raise DataError(
        f"column '{first.name}'",
        expected="a finite number in every row",
        got=_why_no_feature(first) + more,
        remedy=remedy,
    )


def _why_no_target(column: Column) -> DataError | None:
    where = f"column '{column.name}'"
    if column.missing[0]:
        return DataError(
            where,
            expected="a class in every row",
            got=_missing(column),
            remedy="Fill it or delete the row.",
        )
    if len(column.values) > MAX_CLASSES:
        return DataError(
            where,
            expected=f"at most {MAX_CLASSES} different classes",
            got=f"more, such as {', '.join(list(column.values)[:3])}",
            remedy="Choose another target; a number to be predicted must be cut into classes first.",
        )
    if len(_class_names(column)) < 2:
        return DataError(
            where,
            expected="at least 2 different classes",
            got=f"only '{next(iter(column.values))}'",
            remedy="Choose another target, or add rows of another class.",
        )
    return None


def _labels(table: CsvTable, target: int) -> tuple[Labels, tuple[str, ...]]:
    column = table.columns[target]
    refusal = _why_no_target(column)
    if refusal is not None:
        raise refusal
    names = _class_names(column)
    to_class = np.array([names.index(_canonical(value)) for value in column.values], dtype=np.int64)
    return to_class[table.codes[:, target]], names


def _class_names(column: Column) -> tuple[str, ...]:
    """Classes in order: by number if all are numbers, else by text."""
    values = {_canonical(value) for value in column.values}
    return tuple(sorted(values, key=float if all(map(_is_number, values)) else str))


def _canonical(value: str) -> str:
    """One spelling of a class: 1, 1.0 and 01 are the same number."""
    if not _is_number(value):
        return value
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _is_number(value: str) -> bool:
    try:
        return bool(np.isfinite(float(value))) and "_" not in value
    except ValueError:
        return False
