"""What the columns of a table most probably are: the class, the features, mere row numbers."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from qhn_core.datasets.table.columns import Column
from qhn_core.datasets.table.labels import label_classes, why_no_target
from qhn_core.datasets.table.numbers import is_missing
from qhn_core.datasets.table.reader import CsvTable

#: Fewest rows in which consecutive integers under any name are taken for row numbers.
_ENOUGH = 10
_ROW_NAME = re.compile(
    r"(?:.*[ _.-])?(?:id|ids|index|idx|row[ _.-]?(?:names?|id|no|nr|num|number)?|no\.?|nr\.?|number|#|rownames?)"
    r"(?:[ _.-](?:number|no|code number))?|level_0|unnamed(?:[: ].*)?|s\.? ?no\.?|serial.*",
    re.IGNORECASE,
)
_CAMEL_ID = re.compile(r".*[a-z0-9]I[dD]")
_CLASS_NAMES = ("class", "target", "label", "labels", "species", "diagnosis", "outcome", "survived", "category", "y")


class Proposal(NamedTuple):
    """Columns by their place."""

    target: int | None  #: the class, or None if no column can be it
    features: tuple[int, ...]  #: columns of numbers beside it; no row numbers, none mostly missing
    row_numbers: tuple[int, ...]  #: columns that number the rows
    kept: bool  #: whether row numbers are among the features because there is nothing else


def propose(table: CsvTable) -> Proposal:
    """The most probable target, and the features that go with it."""
    target = _target(table)
    return with_target(table, target)


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
    """Whether a column only says which row it is: on rows sorted by class such numbers give the class away.

    It holds different integers under a name that says so, or under none beside names; or integers that count the rows
    one by one, up or down, in ten rows or more (in three where there are no names and it is the first column).
    """
    column, numbers = table.columns[at], table.numbers[:, at]
    if not column.numeric or column.booleans.times or len(numbers) < 2 or (numbers != np.round(numbers)).any():
        return False
    steps = np.diff(numbers)
    named = _ROW_NAME.fullmatch(column.name) or _CAMEL_ID.fullmatch(column.name)
    if table.header and (named or not column.given):
        return len(np.unique(numbers)) == len(numbers)
    counts = bool((steps == 1).all() or (steps == -1).all())
    first = not table.header and at == 0 and numbers[0] in (0, 1) and len(numbers) > 2 and len(table.columns) > 2
    return counts and (len(numbers) >= _ENOUGH or first)


def _target(table: CsvTable) -> int | None:
    """The best candidate, or None.

    In this order: it leaves a feature; is named so, and holds no fractions (y may be a coordinate); its values recur;
    it is the only column of words, and the first; it is the last.
    """
    able = [i for i in range(len(table.columns)) if why_no_target(table, i, "auto") is None]
    if not able:
        able = [i for i in range(len(table.columns)) if why_no_target(table, i, "rows") is None]
    if not able:
        return None
    words = [i for i, column in enumerate(table.columns) if column.text.times or column.booleans.times]
    last = len(table.columns) - 1

    usable = {i for i, column in enumerate(table.columns) if can_be_feature(column)}

    def fitness(at: int) -> tuple[bool, int, bool, bool, bool, bool, int]:
        column = table.columns[at]
        name = column.name.lower()
        named = len(_CLASS_NAMES) - _CLASS_NAMES.index(name) if table.header and name in _CLASS_NAMES else 0
        named = 0 if _has_fractions(table, at) else named
        lone = words == [at] and at == 0 and _fewer(table, at, last)
        return bool(usable - {at}), named, _recurs(table, at), lone, at == last, at in words, at

    return max(able, key=fitness)


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
