"""The names of columns in the first line of a cost file."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from qhn_core.datasets.costs.names import part_of
from qhn_core.datasets.table.numbers import read_number
from qhn_core.errors import DataError, shorten

#: Marks that separate names, the surest first; blanks may belong to one.
_MARKS = (";", "\t", "|", ",")
_NUMERIC = re.compile(r"[-+.,]?\d")


def is_name(cell: str) -> bool:
    """Whether a cell has a letter and is no number (nan, 1e5, 1.2eV, 0b01) and no bitstring (|01⟩)."""
    return re.search(r"[^\W\d_]", cell) is not None and not _NUMERIC.match(cell) and read_number(cell) is None


class Header:
    """A first line, which may name the columns or be a title; or a comment above the numbers.

    Args:
        line: as it stands in the file; empty if there is none.
    """

    def __init__(self, line: str) -> None:
        self._line = line.strip().lstrip("#%").strip().rstrip(",;")
        marks = [mark for mark in _MARKS if mark in self._line]
        splits = [_split(self._line, mark) for mark in marks]
        words = _split(self._line.replace(":", " "), " ") if self._line and not marks else []
        if line.startswith(("#", "%")):  # a remark, mostly
            splits = [names for names in splits if "cost" in map(part_of, names) and " " not in "".join(names)]
            words = words if len(words) > 1 and all(map(part_of, words)) else []
        elif len(words) > 1 and not any(map(part_of, words)):
            words = []
        self._splits, self._words = splits, words

    def fits(self, width: int) -> bool:
        """Whether there is a name for each of so many columns."""
        return width in map(len, (*self._splits, self._words))

    def names(self, width: int) -> Sequence[str]:
        """A name for each of so many columns, the first perhaps without one; none where the line is a title.

        Raises:
            DataError: it names more columns, or fewer.
        """
        for names in (*self._splits, self._words):
            if len(names) == width:
                return names
        known = bool(self._words) and all(map(part_of, self._words))
        if known and len(self._words) + 1 == width:  # R leaves the name of its row names out
            return ["", *self._words]
        named = next((names for names in self._splits if any(map(part_of, names))), [])
        if not named and known and len(self._words) > 1 and width > 1:
            named = self._words
        if len(named) < 2:
            return []
        raise DataError(
            "first line",
            expected=f"{width} name{'s' * (width > 1)}, as there are columns",
            got=f"{len(named)}: {shorten(self._line, 60)}",
            remedy="Name each column once, or begin a title with #.",
        )


def _split(line: str, mark: str) -> list[str]:
    if mark == "|":
        line = line.strip().strip("|")
    cells = next(csv.reader([line.strip()], delimiter=mark, skipinitialspace=True))
    return [cell.strip().strip("'") for cell in cells if cell or mark != " "]
