"""Columns as they are read: numbers, classes, and what stands in the way of either. A block of rows at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.table.numbers import BOOLEANS, is_missing, read_number
from qhn_core.errors import shorten

#: Most different values of a column that can be a label.
MAX_CLASSES = 20
#: Most different spellings that are kept: classes, words for missing ones, 1 beside 1.0.
MAX_VALUES = 3 * MAX_CLASSES


class Mark(NamedTuple):
    """Cells of one kind: how many, and row and content of the first."""

    times: int = 0
    row: int = 0
    cell: str = ""

    def and_more(self, times: int, row: int, cell: str) -> Mark:
        """The mark with ``times`` more cells, whose first is ``cell`` in ``row``."""
        return Mark(self.times + times, self.row or row, self.cell if self.times else shorten(cell, 40))


NONE = Mark()


@dataclass
class Column:
    """One column; ``row`` numbers are those of a spreadsheet."""

    name: str
    given: bool = True  #: whether the name stands in the file
    values: dict[str, int] = field(default_factory=dict)  #: different cells and how often; empty beyond MAX_VALUES
    crowded: bool = False  #: whether there are more than MAX_VALUES different cells
    missing: Mark = NONE
    text: Mark = NONE
    infinite: Mark = NONE
    booleans: Mark = NONE
    examples: tuple[str, ...] = ()  #: the first different cells

    @property
    def numeric(self) -> bool:
        """Whether every cell is a finite number."""
        return not (self.missing.times or self.text.times or self.infinite.times)


class ColumnReader:
    """Takes the cells of one column in blocks."""

    def __init__(self, column: Column, *, comma: bool) -> None:
        self.column = column
        self._comma = comma
        #: Whether a cell is surely a finite number: what is cheap to see, for most cells.
        self._digits = re.compile(rf"[-+]?\d{{1,200}}(?:{',' if comma else '[.]'}\d{{0,200}})?", re.ASCII).fullmatch
        self._codes: dict[str, int] = {}
        self._numbers: list[NDArray[np.float64]] = []
        self._coded: list[NDArray[np.int16]] = []

    def add(self, cells: Sequence[str], rows: Sequence[int]) -> None:
        """Read ``cells`` that stand in ``rows`` of the file."""
        whole = "\n".join(cells)
        if not whole.isascii() or any(blank in whole for blank in " \t\r\v\f"):
            cells = [cell.strip() for cell in cells]
            whole = "\n".join(cells)
        self._coded.append(self._code(cells))
        if self.column.text.times:  # no column of numbers any more
            self._numbers.append(np.full(len(cells), np.nan))
            return
        numbers = self._plain(cells, whole)
        self._numbers.append(self._each(cells, rows) if numbers is None else numbers)

    def finish(self, n_rows: int) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
        """(numbers, NaN where a cell is none; code of the cell among the column's values, -1 if it is crowded)."""
        column = self.column
        numbers, codes = np.concatenate(self._numbers), np.concatenate(self._coded)
        column.examples = tuple(list(self._codes)[:3])
        told = n_rows - column.missing.times
        if column.booleans.times and column.booleans.times < told and not column.text.times:
            column.text = column.booleans
        if column.text.times:
            numbers[:] = np.nan
        if column.crowded:
            codes[:] = -1
        else:
            counts = np.bincount(codes, minlength=len(self._codes))
            column.values = dict(zip(self._codes, counts.tolist(), strict=True))
        return numbers, codes

    def _code(self, cells: Sequence[str]) -> NDArray[np.int16]:
        codes = self._codes
        if not self.column.crowded:
            for cell in dict.fromkeys(cells):
                if len(codes) >= MAX_VALUES and cell not in codes:
                    self.column.crowded = True
                    break
                codes.setdefault(cell, len(codes))
        if self.column.crowded:
            return np.full(len(cells), -1, dtype=np.int16)
        return np.fromiter(map(codes.__getitem__, cells), dtype=np.int16, count=len(cells))

    def _plain(self, cells: Sequence[str], whole: str) -> NDArray[np.float64] | None:
        """The cells as numbers, all at once; None if one is no finite number, or may not be one."""
        if "_" in whole or ("." if self._comma else ",") in whole:
            return None
        if self._comma:
            cells = whole.replace(",", ".").split("\n")
        try:
            numbers = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
        except ValueError:
            return None
        return numbers if np.isfinite(numbers).all() else None

    def _each(self, cells: Sequence[str], rows: Sequence[int]) -> NDArray[np.float64]:
        """The cells as numbers, NaN where they are none; what else they are is marked."""
        read = {cell: self._read(cell) for cell in dict.fromkeys(cells) if not self._digits(cell)}
        for kind in {kind for kind, _ in read.values() if kind}:
            where = [i for i, cell in enumerate(cells) if cell in read and read[cell][0] == kind]
            mark: Mark = getattr(self.column, kind)
            setattr(self.column, kind, mark.and_more(len(where), rows[where[0]], cells[where[0]]))
        mark_of_decimals = "," if self._comma else "."
        told = (read[cell][1] if cell in read else float(cell.replace(mark_of_decimals, ".")) for cell in cells)
        return np.fromiter(told, dtype=np.float64, count=len(cells))

    def _read(self, cell: str) -> tuple[str, float]:
        """(attribute of the column that counts such cells, number)."""
        if is_missing(cell):
            return "missing", np.nan
        if cell.lower() in BOOLEANS:
            return "booleans", BOOLEANS[cell.lower()]
        value = read_number(cell, comma=self._comma)
        if value is None:
            return "text", np.nan
        return ("", value) if np.isfinite(value) else ("infinite", np.nan)
