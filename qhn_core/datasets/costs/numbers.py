"""The costs of one column as numbers, and what points and commas mean in them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.table.numbers import PLAIN, Marks, find_marks, is_like_number, read_number, with_point
from qhn_core.errors import DataError

#: Stands for a cell without content.
EMPTY = "∅"
LINE_REMEDY = "Write one cost in each line; or its index or bitstring, and the cost."


def check_thousands(cells: Sequence[str], numbers: Sequence[int]) -> None:
    """Refuse costs such as 000: they are the end of 2,000, not a cost beside an index."""
    if not re.search(r"^0\d", "\n".join(cells), re.MULTILINE):
        return
    for number, cell in zip(numbers, cells, strict=True):
        if len(cell) > 2 and cell[0] == "0" and cell[1].isdigit():
            raise DataError(
                f"line {number}", expected="a cost", got=cell, remedy="Write thousands without a separator."
            )


def read_costs_of(
    cells: Sequence[str], numbers: Sequence[int], others: Sequence[str] = ()
) -> tuple[NDArray[np.float64], str]:
    """(the numbers, what points and commas were taken for where that is not plain).

    Args:
        cells: numbers, as they stand.
        numbers: line of each.
        others: cells of other columns, which may tell what the marks mean where these numbers alone do not.
    """
    marks = _marks(cells, others)
    told = cells if marks == PLAIN else [with_point(cell, marks) or "" for cell in cells]
    with contextlib.suppress(ValueError):
        if "_" not in "".join(cells):
            return np.fromiter(map(float, told), dtype=np.float64, count=len(cells)), _said(marks, cells)
    number, cell = next((n, c) for n, c, t in zip(numbers, cells, told, strict=False) if read_number(t) is None)
    got = "an empty cell" if cell == EMPTY else cell
    raise DataError(f"line {number}", expected="numbers", got=got, remedy=LINE_REMEDY)


def _marks(cells: Sequence[str], others: Sequence[str]) -> Marks:
    """What points and commas mean in the costs."""
    marks = find_marks(cells)
    if marks is None:
        marks = find_marks([*cells, *(cell for cell in others if is_like_number(cell) and not cell.isdigit())])
    if marks is None:
        marked = next(cell for cell in cells if "," in cell or "." in cell)
        raise DataError(
            "file",
            expected="costs whose decimals and thousands can be told apart",
            got=f"{marked}, which may be either",
            remedy="Write decimals with a point, and thousands without a separator."
            if "," in marked
            else "Write as many decimals in each (950.000 beside 1.250), or thousands without a separator.",
        )
    return marks


def _said(marks: Marks, cells: Sequence[str]) -> str:
    """For people: which mark was read as what, where it is not a point before decimals alone."""
    names = {",": "a comma", ".": "a point"}
    decimal = f", decimals with {names[marks.decimal]}" if any(marks.decimal in cell for cell in cells) else ""
    grouped = any(marks.group in cell for cell in cells) if marks.group else False
    group = f", thousands with {names[marks.group]}" if grouped else ""
    return (decimal if marks.decimal == "," or group else "") + group
