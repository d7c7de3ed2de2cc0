"""What the columns of a table most probably are: the class, the features, mere row numbers."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.table.columns import Column
from qhn_core.datasets.table.labels import Unlabelled, fitting, label_classes
from qhn_core.datasets.table.numbers import is_missing
from qhn_core.datasets.table.reader import CsvTable

#: Fewest rows in which consecutive integers under any name are taken for row numbers.
_ENOUGH = 10
#: Among so many rows, one that is not numbered as the others makes no other column of it.
_ONE_IN = 20
#: Whole numbers from here on are not all told apart by floats.
_TOO_LONG = 2.0**53
_ROW_NAME = re.compile(
    r"(?:.*[ _.-])?(?:id|ids|index|idx|row[ _.-]?(?:names?|id|no|nr|num|number)?|no\.?|nr\.?|number|#|rownames?)"
    r"(?:[ _.-](?:number|no|code number))?|level_0|unnamed(?:[: ].*)?|s\.? ?no\.?|serial.*",
    re.IGNORECASE,
)
_ID_NAME = re.compile(r"(?:.*[ _.-])?(?:ids?|index|idx)", re.IGNORECASE)
_CAMEL_ID = re.compile(r".*[a-z0-9]I[dD]")
_CLASS_NAMES = ("class", "target", "label", "labels", "species", "diagnosis", "outcome", "survived", "category", "y")


class Proposal(NamedTuple):
    """Columns by their place."""

    target: int | None  #: the class, or None if no column can be it
    features: tuple[int, ...]  #: columns of numbers beside it; no row numbers, none mostly missing
    row_numbers: tuple[int, ...]  #: columns that number the rows, or all but a few
    kept: bool  #: whether row numbers are among the features because there is nothing else


def propose(table: CsvTable, unlabelled: Unlabelled = "auto") -> Proposal:
    """The most probable target, and the features that go with it.

    What ``unlabelled`` says makes more columns targets, never fewer: whether the most probable one can be used as it
    says is for :func:`~.labels.row_labels`. Another in its place, because a cell is empty, would go unnoticed.
    """
    return with_target(table, _target(table, unlabelled))


def with_target(table: CsvTable, target: int | None) -> Proposal:
    """The features that go with ``target``."""
    places = [i for i in range(len(table.columns)) if i != target]
    numbered = tuple(i for i in places if is_row_number(table, i))
    usable = [i for i in places if can_be_feature(table.columns[i])]
    others = [i for i in usable if i not in numbered]
    if not others:
        return Proposal(target, tuple(usable), numbered, bool(usable))
    full = tuple(i for i in others if 2 * table.columns[i].missing.times <= table.n_rows)
    return Proposal(target, full or tuple(others), numbered, False)


def can_be_feature(column: Column) -> bool:
    """Whether a column is one of finite numbers, some of them missing perhaps."""
    told = column.crowded or not all(map(is_missing, column.values))
    return told and not column.text.times and not column.infinite.times


def is_row_number(table: CsvTable, at: int) -> bool:
    """Whether a column only says which row it is: on rows sorted by class such numbers give the class away."""
    return n_not_numbered(table, at) is not None


def n_not_numbered(table: CsvTable, at: int) -> int | None:
    """How many rows a column that numbers them leaves out or numbers twice; None if it is no such column.

    It holds different integers under a name that says so, or under none beside names; or integers that count the rows
    one by one, up or down, in ten rows or more (in three where there are no names and it is the first column). One row
    in twenty, of ten or more, may have no number, or one that comes twice or leaves a gap before it; under an id's name
    every other row may, where the numbers never turn back.
    """
    column, numbers = table.columns[at], table.numbers[:, at]
    told = numbers[~np.isnan(numbers)]
    if not can_be_feature(column) or column.booleans.times or len(told) < 2 or (told != np.round(told)).any():
        return None
    n_rows, missing = len(numbers), column.missing.times
    spared = max(1, n_rows // _ONE_IN) if n_rows >= _ENOUGH else 0
    long = np.abs(told).max() >= _TOO_LONG
    way = 1 if told[-1] > told[0] else -1
    one_way = bool((way * told[1:] >= way * told[:-1]).all())
    if table.header and (not column.given or _is_row_name(column.name)):
        others = missing + (0 if long else len(told) - len(np.unique(told)))
        if others <= (n_rows // 2 if one_way and spared and _is_id(column.name) else spared):
            return others
    first = not table.header and at == 0 and told[0] in (0, 1) and n_rows > 2 and len(table.columns) > 2
    if long or not one_way or (n_rows < _ENOUGH and not first):
        return None
    others = missing + _n_off_count(way * numbers)
    return others if others <= spared else None


def _n_off_count(numbers: NDArray[np.float64]) -> int:
    """How many numbers do not go on counting: jumps between neighbours, or those off the commonest count if fewer."""
    told = ~np.isnan(numbers)
    starts = np.unique((numbers - np.arange(len(numbers)))[told], return_counts=True)[1]
    return min(int((np.diff(numbers[told]) != 1).sum()), int(told.sum() - starts.max()))


def is_named_class(table: CsvTable, at: int) -> bool:
    """Whether a column is called as classes are, and holds no fractions: y may be a coordinate."""
    named = table.header and table.columns[at].name.lower() in _CLASS_NAMES
    return named and not _has_fractions(table, at)


def _is_id(name: str) -> bool:
    return bool(_ID_NAME.fullmatch(name) or _CAMEL_ID.fullmatch(name))


def _is_row_name(name: str) -> bool:
    return bool(_ROW_NAME.fullmatch(name) or _CAMEL_ID.fullmatch(name))


def _target(table: CsvTable, unlabelled: Unlabelled) -> int | None:
    """The best candidate, or None.

    In this order: it leaves a feature; is named so, and holds no fractions; half of the rows or more have a class; its
    values recur; it is the only column of words, and the first; it is the last.
    """
    able = [i for i in range(len(table.columns)) if fitting(table, i, unlabelled) is not None]
    words = [i for i, column in enumerate(table.columns) if column.text.times or column.booleans.times]
    last = len(table.columns) - 1

    usable = {i for i, column in enumerate(table.columns) if can_be_feature(column)}

    def fitness(at: int) -> tuple[bool, int, bool, bool, bool, bool, bool, int]:
        column = table.columns[at]
        named = len(_CLASS_NAMES) - _CLASS_NAMES.index(column.name.lower()) if is_named_class(table, at) else 0
        told = 2 * label_classes(column, unlabelled, comma=table.comma).n_unlabelled <= table.n_rows
        lone = words == [at] and at == 0 and _fewer(table, at, last)
        return bool(usable - {at}), named, told, _recurs(table, at), lone, at == last, at in words, at

    return max(able, key=fitness, default=None)


def _recurs(table: CsvTable, at: int) -> bool:
    """Whether a column looks like classes: values that recur, and none with a fraction."""
    values = table.columns[at].values
    if len(label_classes(table.columns[at], "class", comma=table.comma).names) >= max(2, sum(values.values())):
        return False
    return not _has_fractions(table, at)


def _has_fractions(table: CsvTable, at: int) -> bool:
    """Whether a column has a number that is not whole."""
    numbers = np.nan_to_num(table.numbers[:, at])
    return bool((numbers != np.round(numbers)).any())


def _fewer(table: CsvTable, at: int, other: int) -> bool:
    """Whether ``at`` has fewer classes than ``other``, which may have too many; without names as many are enough."""
    there = table.columns[other]
    return there.crowded or len(table.columns[at].values) < len(there.values) + (not table.header)
