"""Columns as they are read: numbers, classes, and what stands in the way of either. A block of rows at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.table.numbers import BOOLEANS, MISSING, is_missing, read_number
from qhn_core.errors import shorten

#: Most different values of a column that can be a label.
MAX_CLASSES = 20
#: Most different spellings that are kept: classes, words for missing ones, 1 beside 1.0.
MAX_VALUES = 3 * MAX_CLASSES
#: Cells after which it is asked whether there is anything left to find out.
_PIECE = 4_096
#: Common spellings of missing cells.
_HOLES = frozenset(spelt for word in MISSING for spelt in (word, word.upper(), word.capitalize())) | {"NaN"}


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
        column = self.column
        if column.crowded and column.text.times:  # neither numbers nor classes any more
            self._numbers.append(np.full(len(cells), np.nan))
            self._coded.append(np.full(len(cells), -1, dtype=np.int16))
            return
        whole = "\n".join(cells)
        lines = whole.count("\n") >= len(cells)  # a cell of several, perhaps a blank one at its end
        if lines or not whole.isascii() or any(blank in whole for blank in " \t\r\v\f"):
            cells = [cell.strip() for cell in cells]
            whole = "\n".join(cells)
        codes = self._code(cells)
        self._coded.append(codes)
        if column.text.times:
            self._numbers.append(np.full(len(cells), np.nan))
        elif not column.crowded:
            self._numbers.append(self._few(codes, cells, rows))
        else:
            self._numbers.append(self._many(cells, rows, whole))

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
        codes, start = self._codes, 0
        while start < len(cells) and not self.column.crowded:  # by pieces: most columns of many values soon show it
            for cell in dict.fromkeys(cells[start : start + _PIECE]):
                if len(codes) >= MAX_VALUES and cell not in codes:
                    self.column.crowded = True
                    break
                codes.setdefault(cell, len(codes))
            start += _PIECE
        if self.column.crowded:
            return np.full(len(cells), -1, dtype=np.int16)
        return np.fromiter(map(codes.__getitem__, cells), dtype=np.int16, count=len(cells))

    def _few(self, codes: NDArray[np.int16], cells: Sequence[str], rows: Sequence[int]) -> NDArray[np.float64]:
        """As :meth:`_each`, of a column of few different cells: each of these is read once."""
        read = [self._read(cell) for cell in self._codes]
        for kind in {kind for kind, _ in read if kind}:
            where = np.flatnonzero(np.array([kind == other for other, _ in read])[codes])
            if len(where):
                self._mark(kind, len(where), rows[int(where[0])], cells[int(where[0])])
        return np.array([value for _, value in read])[codes]

    def _many(self, cells: Sequence[str], rows: Sequence[int], whole: str) -> NDArray[np.float64]:
        """As :meth:`_each`, the common kinds of columns all at once, and nothing more once there is text."""
        if "_" not in whole and ("." if self._comma else ",") not in whole:
            if (numbers := self._plain(cells, ())) is not None:
                return numbers
            holes = [at for at, cell in enumerate(cells) if cell in _HOLES]
            if holes and (numbers := self._plain(cells, holes)) is not None:
                self._mark("missing", len(holes), rows[holes[0]], cells[holes[0]])
                return numbers
        found = np.full(len(cells), np.nan)
        for start in range(0, len(cells), _PIECE):
            part = slice(start, start + _PIECE)
            found[part] = self._each(cells[part], rows[part])
            if self.column.text.times:
                break
        return found

    def _plain(self, cells: Sequence[str], holes: Sequence[int]) -> NDArray[np.float64] | None:
        """The cells as numbers, NaN in ``holes``; None if another one is no finite number."""
        told = [cell.replace(",", ".") for cell in cells] if self._comma else list(cells)
        for at in holes:
            told[at] = "nan"
        try:
            numbers = np.fromiter(map(float, told), dtype=np.float64, count=len(cells))
        except ValueError:
            return None
        return numbers if np.count_nonzero(np.isfinite(numbers)) == len(cells) - len(holes) else None

    def _each(self, cells: Sequence[str], rows: Sequence[int]) -> NDArray[np.float64]:
        """The cells as numbers, NaN where they are none; what else they are is marked."""
        read = {cell: self._read(cell) for cell in dict.fromkeys(cells) if not self._digits(cell)}
        for kind in {kind for kind, _ in read.values() if kind}:
            where = [i for i, cell in enumerate(cells) if cell in read and read[cell][0] == kind]
            self._mark(kind, len(where), rows[where[0]], cells[where[0]])
        mark_of_decimals = "," if self._comma else "."
        told = (read[cell][1] if cell in read else float(cell.replace(mark_of_decimals, ".")) for cell in cells)
        return np.fromiter(told, dtype=np.float64, count=len(cells))

    def _mark(self, kind: str, times: int, row: int, cell: str) -> None:
        mark: Mark = getattr(self.column, kind)
        setattr(self.column, kind, mark.and_more(times, row, cell))

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
