"""From bytes to a table. Every refusal names row, column and remedy; rows are counted as a spreadsheet shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.table.columns import Column, ColumnReader
from qhn_core.datasets.table.dialect import DELIMITERS, Dialect, find_dialect, stream_rows
from qhn_core.datasets.table.header import Layout, find_layout
from qhn_core.datasets.table.text import MAX_CELLS, MAX_ROWS, text_encoding, too_many
from qhn_core.errors import DataError

#: Cells that are read at once.
_BLOCK = 100_000
Row = tuple[int, list[str]]


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
    body = _Body(layout)
    n_rows, places = 0, []
    rows = body.rows(stream_rows(data, encoding, dialect))
    while block := list(islice(rows, max(1, _BLOCK // len(columns)))):
        n_rows += len(block)
        if n_rows > MAX_ROWS or n_rows * len(columns) > MAX_CELLS:
            raise too_many()
        at = [row for row, _ in block]
        places.extend(at)
        for reader, cells in zip(readers, zip(*(cells for _, cells in block), strict=True), strict=True):
            reader.add(cells, at)
    if not n_rows:
        raise DataError(
            "file",
            expected="rows below the header",
            got="a header only",
            remedy="Export the table with its rows." if layout.header else "Export the table again.",
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
        self._layout = layout
        self.repeated = 0

    def rows(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows below the header; a separator more at a row's end is cut."""
        width = len(self._layout.names)
        names = [next(rows, (0, []))[1] for _ in range(self._layout.skip)][-1:]
        for row, cells in rows:
            if len(cells) > width and not any(map(str.strip, cells[width:])):
                cells = cells[:width]
            if self._layout.header and cells == names[0][:width]:
                self.repeated += 1
                continue
            if len(cells) != width:
                raise DataError(
                    f"row {row}",
                    expected=f"{width} cells, as in row 1",
                    got=f"{len(cells)}",
                    remedy="Look for a missing or extra separator, or a cell with a separator that is not in quotes.",
                )
            yield row, cells


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
