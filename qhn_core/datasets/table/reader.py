"""From bytes to a table. Every refusal names row, column and remedy; rows are counted as a spreadsheet shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.table.columns import Column, ColumnReader
from qhn_core.datasets.table.dialect import DELIMITERS, MAX_COLUMNS, Dialect, find_dialect, is_remark, row_blocks
from qhn_core.datasets.table.header import Layout, find_layout
from qhn_core.datasets.table.text import MAX_CELLS, MAX_ROWS, text_encoding, too_many
from qhn_core.errors import DataError

#: Cells that are read at once.
_BLOCK = 100_000


@dataclass(frozen=True)
class CsvTable:
    """A CSV that could be read; whether its cells can be used is for the columns to say."""

    columns: tuple[Column, ...]
    numbers: NDArray[np.float64]  #: (rows, columns), NaN where a cell is no finite number
    codes: NDArray[np.int16]  #: (rows, columns), code of the cell among its column's values, -1 if there are too many
    rows: NDArray[np.int64]  #: (rows,), where each stands in the file
    header: bool  #: whether row 1 was taken as names
    comma: bool  #: whether decimals are written with a comma
    notes: tuple[str, ...]  #: what was noticed and decided

    @property
    def n_rows(self) -> int:
        """Rows of data."""
        return len(self.numbers)


def read_table(data: bytes, *, header: bool | None = None) -> CsvTable:
    """Parse a CSV in one streaming pass; sizes are limited before memory is.

    Args:
        data: content of the file.
        header: whether row 1 holds the names of the columns; None decides by what stands there.

    Raises:
        DataError: the file cannot be read; names row and remedy.
    """
    encoding, notes = text_encoding(data)
    dialect, sample = find_dialect(data, encoding)
    if dialect.delimiter != ",":
        notes.append(f"cells separated by {DELIMITERS[dialect.delimiter]}")
    if dialect.comma:
        notes.append("decimals read with a comma")
    layout = find_layout(sample, dialect, header)
    notes.extend(layout.notes)
    columns = [Column(name, given) for name, given in zip(layout.names, layout.given, strict=True)]
    readers = [ColumnReader(column, comma=dialect.comma) for column in columns]
    body, places = _Body(layout), list[int]()
    for first, rows in row_blocks(data, encoding, dialect, max(1, _BLOCK // len(columns))):
        at, block = body.of(first, rows)
        places.extend(at)
        if len(places) > MAX_ROWS or len(places) * len(columns) > MAX_CELLS:
            raise too_many()
        for reader, cells in zip(readers, zip(*block, strict=True), strict=bool(block)):
            reader.add(cells, at)
    if not places:
        raise DataError(
            "file",
            expected="rows below the header",
            got="a header only",
            remedy="Export the table with its rows." if layout.header else "Export the table again.",
        )
    if body.remarks:
        notes.append(
            f"{body.remarks} row{'s' * (body.remarks > 1)} that begin{'s' * (body.remarks == 1)} as a remark, "
            "with words in columns of numbers: left out"
        )
    if body.repeated:
        notes.append(f"row 1 stands {body.repeated} more time{'s' * (body.repeated > 1)} below: left out there")
    return _without_empty_columns(_table(readers, places, layout, dialect, notes))


def _table(
    readers: list[ColumnReader], places: list[int], layout: Layout, dialect: Dialect, notes: list[str]
) -> CsvTable:
    read = [reader.finish(len(places)) for reader in readers]
    return CsvTable(
        tuple(reader.column for reader in readers),
        np.stack([numbers for numbers, _ in read], axis=1),
        np.stack([codes for _, codes in read], axis=1),
        np.array(places),
        layout.header,
        dialect.comma,
        tuple(notes),
    )


class _Body:
    """The rows of data: all as wide as the names, without row 1 where that repeats."""

    def __init__(self, layout: Layout) -> None:
        self._width, self._header, self._skip = len(layout.names), layout.header, layout.skip
        self._remarks = layout.remarks
        self._names: list[str] = []
        self.repeated = self.remarks = 0

    def of(self, first: int, rows: list[list[str]]) -> tuple[Sequence[int], list[list[str]]]:
        """(places, cells) of the rows of data among ``rows``, which begin at place ``first`` of the file."""
        if self._are_plain(rows):
            return range(first, first + len(rows)), rows
        found = [(row, kept) for row, cells in enumerate(rows, first) if (kept := self._row(row, cells)) is not None]
        return [row for row, _ in found], [cells for _, cells in found]

    def _are_plain(self, rows: list[list[str]]) -> bool:
        """Whether all are rows of data as they stand; what is not sure is looked at row by row."""
        if self._skip or self._width > MAX_COLUMNS or set(map(len, rows)) != {self._width}:
            return False
        first = list(map(itemgetter(0), rows))
        return all(first) and not any(map(is_remark, first)) and not (self._header and self._names in rows)

    def _row(self, row: int, cells: list[str]) -> list[str] | None:
        """The cells, without a separator more at their end; None where it is no row of data."""
        if len(cells) > MAX_COLUMNS + 1:
            raise DataError(
                "file",
                expected=f"at most {MAX_COLUMNS:,} columns",
                got=f"{len(cells):,}",
                remedy="Keep the columns that you need; a few are plenty for a network of 20 weights.",
            )
        if not cells or not (cells[0] or any(map(str.strip, cells))):
            return None
        if self._skip:
            self._skip, self._names = self._skip - 1, cells[: self._width]
            return None
        if len(cells) > self._width and not any(map(str.strip, cells[self._width :])):
            cells = cells[: self._width]
        if self._header and cells == self._names:
            self.repeated += 1
            return None
        if len(cells) != self._width:
            raise DataError(
                f"row {row}",
                expected=f"{self._width} cells, as in row 1",
                got=f"{len(cells)}",
                remedy="Look for a missing or extra separator, or a cell with a separator that is not in quotes.",
            )
        if self._remarks.holds(cells):
            self.remarks += 1
            return None
        return cells


def _without_empty_columns(table: CsvTable) -> CsvTable:
    """Drop nameless columns without a single cell: what a separator at the end of each line leaves."""
    kept = [i for i, c in enumerate(table.columns) if c.given or not _is_empty(c)]
    if len(kept) == len(table.columns) or not kept:
        return table
    n_empty = len(table.columns) - len(kept)
    return replace(
        table,
        columns=tuple(table.columns[i] for i in kept),
        numbers=table.numbers[:, kept],
        codes=table.codes[:, kept],
        notes=(*table.notes, f"{n_empty} empty column{'s' * (n_empty > 1)} left out"),
    )


def _is_empty(column: Column) -> bool:
    return set(column.values) == {""}
