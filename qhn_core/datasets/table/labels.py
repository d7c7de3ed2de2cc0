"""Which classes a column holds, and whether a word for "missing" in it is one of them."""

from __future__ import annotations

from collections import Counter
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.table.columns import MAX_CLASSES, Column
from qhn_core.datasets.table.numbers import BOOLEANS, canonical, is_missing, is_number
from qhn_core.datasets.table.reader import CsvTable
from qhn_core.errors import DataError

#: What is done with rows whose class is a word for "missing", or empty.
Unlabelled = Literal["auto", "rows", "class"]


class Classes(NamedTuple):
    """The classes of a column."""

    names: tuple[str, ...]  #: in order: by number if all are numbers, else by text
    of_cell: dict[str, int]  #: class of each cell, -1 where it has none
    unlabelled: tuple[str, ...]  #: cells without a class
    n_unlabelled: int  #: rows without a class
    words: tuple[str, ...]  #: words for "missing" that are classes here


def label_classes(column: Column, unlabelled: Unlabelled, *, comma: bool = False) -> Classes:
    """The classes of ``column``.

    An empty cell is none; - beside + is one. A word such as NA, None, ? or - is one where ``unlabelled`` says
    ``class``, none where it says ``rows``; ``auto`` takes it for a class where it is as frequent as classes are (see
    :func:`_is_class`).
    """
    spelt = _spellings(column, comma=comma)
    counts: Counter[str] = Counter()
    for cell, name in spelt.items():
        counts[name] += column.values[cell]
    n_rows = sum(column.values.values())
    words = [cell for cell in column.values if cell and cell not in spelt]
    if unlabelled == "rows":
        kept = []
    elif unlabelled == "class":
        kept = words
    else:
        kept = [word for word in words if _is_class(column.values[word], counts, n_rows)]
    by = float if not kept and all(map(is_number, counts)) else str
    names = tuple(sorted(sorted({*counts, *kept}), key=by))  # by text where floats are equal
    place = {name: i for i, name in enumerate(names)}
    of_cell = {cell: place.get(spelt.get(cell, cell), -1) for cell in column.values}
    without = tuple(cell for cell, label in of_cell.items() if label < 0)
    return Classes(names, of_cell, without, sum(column.values[cell] for cell in without), tuple(kept))


def _spellings(column: Column, *, comma: bool) -> dict[str, str]:
    """The class of each cell that is not missing: one spelling a number; true and false as they stand most often."""
    often = sorted(column.values, key=column.values.__getitem__)
    usual = {cell.lower(): cell for cell in often if cell.lower() in BOOLEANS}
    told = [cell for cell in column.values if not is_missing(cell) or _is_minus(cell, column)]
    return {cell: usual.get(cell.lower()) or canonical(cell, comma=comma) for cell in told}


def _is_minus(cell: str, column: Column) -> bool:
    return cell in ("-", "--") and cell.replace("-", "+") in column.values


def fitting(table: CsvTable, at: int, asked: Unlabelled = "auto") -> Unlabelled | None:
    """What can be done with rows that have no class so that column ``at`` can be the target; None if nothing can.

    Args:
        table: whose column it is.
        at: place of the column.
        asked: what the user says; comes last, since what a column is does not hang on it.
    """
    words = label_classes(table.columns[at], "auto", comma=table.comma).words
    ways: tuple[Unlabelled, ...] = ("auto", "class" if words else "rows", asked)
    return next((way for way in ways if why_no_target(table, at, way) is None), None)


def why_no_target(table: CsvTable, at: int, unlabelled: Unlabelled) -> DataError | None:
    """Why column ``at`` cannot be the target, or None if it can."""
    column = table.columns[at]
    where = f"column '{column.name}'"
    found = label_classes(column, unlabelled, comma=table.comma)
    if found.n_unlabelled and unlabelled == "auto":
        more = f" ({found.n_unlabelled} such rows)" if found.n_unlabelled > 1 else ""
        return DataError(
            where,
            expected="a class in every row",
            got=_first_without(table, at, found) + more,
            remedy="Fill it or delete the row; or leave such rows out with "
            f"'unlabelled: {'class' if found.words else 'rows'}'.",
        )
    if column.crowded or len(found.names) > MAX_CLASSES:
        return DataError(
            where,
            expected=f"at most {MAX_CLASSES} different classes",
            got=f"more, such as {', '.join(column.examples)}",
            remedy="Choose another target; a number to be predicted must be cut into classes first.",
        )
    if len(found.names) < 2:
        return DataError(
            where,
            expected="at least 2 different classes",
            got=f"only '{found.names[0]}'" if found.names else "none",
            remedy="Choose another target, or add rows of another class.",
        )
    return None


def row_labels(table: CsvTable, at: int, unlabelled: Unlabelled) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(class of every row, -1 where it has none; names of the classes) of a column that can be the target."""
    refusal = why_no_target(table, at, unlabelled)
    if refusal is not None:
        raise refusal
    column = table.columns[at]
    found = label_classes(column, unlabelled, comma=table.comma)
    to_class = np.array([found.of_cell[cell] for cell in column.values], dtype=np.int64)
    return to_class[table.codes[:, at]], found.names


def _is_class(times: int, counts: Counter[str], n_rows: int) -> bool:
    """Whether a word for "missing" is a class: it is as frequent as half of the rarest class beside it.

    Where it would leave fewer than two classes, 5 % of the rows are enough.
    """
    if len(counts) < 2:
        return times >= 0.05 * n_rows
    return times >= 0.5 * min(counts.values())


def _first_without(table: CsvTable, at: int, found: Classes) -> str:
    """The first cell without a class, and what is written there, if anything is."""
    cells = list(table.columns[at].values)
    first = int(np.flatnonzero(np.isin(table.codes[:, at], [cells.index(cell) for cell in found.unlabelled]))[0])
    cell, row = cells[table.codes[first, at]], int(table.rows[first])
    return f"'{cell}' in row {row}, which counts as a missing cell" if cell else f"a missing cell in row {row}"
