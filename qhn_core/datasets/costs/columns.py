"""Which columns of a cost file say the string, and which holds the costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.costs.names import Part, numbers_of, part_of
from qhn_core.datasets.costs.places import as_indices, as_strings, in_order
from qhn_core.datasets.table.numbers import is_like_number
from qhn_core.errors import DataError, shorten

_NAME_THEM = "Name the columns in a first line, as in 'bits,cost' or 'index,cost'."


class Placed(NamedTuple):
    """Where the costs stand, and where each of them belongs."""

    costs: int  #: column of the costs
    order: NDArray[np.int64]  #: (rows,), index of each row's string
    how: str
    others: tuple[int, ...] = ()  #: columns that are left out


class _Place(NamedTuple):
    """Columns that say the string of each row."""

    columns: tuple[int, ...]
    order: NDArray[np.int64]
    what: str
    whose: str = "its"


class _Table(NamedTuple):
    columns: Sequence[Sequence[str]]
    names: Sequence[str]  #: of the columns; none where the file has none
    parts: Sequence[Part]  #: what these say

    def told(self, *at: int) -> str:
        """Columns as a message calls them."""
        return ", ".join(repr(shorten(self.names[i], 40)) if self._named(i) else f"column {i + 1}" for i in at)

    def _named(self, at: int) -> bool:
        return bool(self.names and self.names[at])


def pick_costs(columns: Sequence[Sequence[str]], names: Sequence[str] = ()) -> Placed | None:
    """The column of costs and the strings of its rows, by names where there are any; None if nothing fits.

    Strings are told by a column of bitstrings, by one column for each bit (numbered ones in the order of their
    numbers), or by a column of indices.

    Args:
        columns: the cells of two or more columns.
        names: of the columns, or none.

    Raises:
        DataError: several columns may hold the costs, or the strings.
    """
    table = _Table(columns, names, [part_of(name) for name in names] or [""] * len(columns))
    cost = _named_cost(table)
    place = _find_place(table, cost)
    if place is None:
        return _without_place(table, cost)
    at = _left(table, place) if cost is None else cost
    if at is None:
        return None
    others = tuple(i for i in range(len(columns)) if i != at and i not in place.columns)
    what = place.what
    if at > place.columns[0]:
        how = f"{what} and {place.whose} cost a line"
    else:
        how = f"a cost and its {what.split(' ', 1)[1]} a line"
    return Placed(at, place.order, how + _told(table, at, others), others)


def _told(table: _Table, cost: int, others: tuple[int, ...]) -> str:
    """Which column is the cost and which are left out, where that was to be decided."""
    cost_in = f", the cost in {table.told(cost)}" if others or table.names else ""
    return cost_in + (f", without {table.told(*others)}" if others else "")


def _named_cost(table: _Table) -> int | None:
    """The one column whose name says that it holds the costs; None if none does."""
    found = [i for i, part in enumerate(table.parts) if part == "cost"]
    if len(found) > 1:
        raise _several(table, found)
    if found and _are_bits(table.columns[found[0]]):
        raise DataError(
            "file",
            expected=f"costs in {table.told(found[0])}, as its name says",
            got=f"bitstrings such as {table.columns[found[0]][0]}",
            remedy=_NAME_THEM,
        )
    return found[0] if found else None


def _are_bits(cells: Sequence[str]) -> bool:
    """Whether cells are bitstrings and surely no costs: all as long, some with a zero in front."""
    return len(cells[0]) > 1 and as_strings(cells, strict=False) is not None and len(set(map(len, cells))) == 1


def _several(table: _Table, found: Sequence[int]) -> DataError:
    return DataError(
        "file",
        expected="one column of costs",
        got=f"{len(found)} that may be: {table.told(*found)}",
        remedy="Leave one, or name it 'cost' in a first line and the others otherwise (bits, index, std, count).",
    )


def _without_place(table: _Table, cost: int | None) -> Placed | None:
    """Costs in the order of the lines, where all that stands beside them says that it is something else."""
    others = tuple(i for i in range(len(table.columns)) if i != cost)
    if cost is not None and all(table.parts[i] == "other" for i in others):
        return Placed(cost, np.arange(len(table.columns[cost])), "one cost a line" + _told(table, cost, others), others)
    named = [i for i in others if table.parts[i] == "place"]
    if not named:
        return None
    raise DataError(
        "file",
        expected=f"bits, bitstrings or indices from 0 or 1 in {table.told(*named)}, each once",
        got=f"cells such as {', '.join(table.columns[named[0]][:4])}",
        remedy="Give forbidden strings a large cost.",
    )


def _find_place(table: _Table, cost: int | None) -> _Place | None:
    able = [i for i in range(len(table.columns)) if i != cost and table.parts[i] != "other"]
    able.sort(key=lambda i: table.parts[i] != "place")
    return _strings(table, able) or _numbered_bits(table, able) or _bits(table, able, cost) or _index(table, able)


def _strings(table: _Table, able: Sequence[int]) -> _Place | None:
    for i in able:
        order = as_strings(table.columns[i])
        if order is not None:
            return _Place((i,), order, "a bitstring, wire 0 first,")
    return None


def _numbered_bits(table: _Table, able: Sequence[int]) -> _Place | None:
    """One column for each bit, whose names have numbers: these say which wire it is."""
    if not table.names:
        return None
    bits = _bit_columns(table, able)
    groups = [group for i in bits if (group := [j for j in bits if numbers_of([table.names[i], table.names[j]])])]
    group = max(groups, key=len, default=[])
    numbers = numbers_of([table.names[i] for i in group]) if len(group) > 1 else None
    if numbers is None:
        return None
    wires = [group[at] for at in np.argsort(numbers)]
    order = as_strings(_joined(table, wires))
    if order is None:
        return None
    if sorted(numbers) not in (list(range(len(group))), list(range(1, len(group) + 1))):
        raise DataError(
            "file",
            expected="bits numbered from 0 or from 1",
            got=table.told(*group),
            remedy="Number them in the order of the wires: q0, q1, …",
        )
    return _Place(tuple(wires), order, f"the bits, by their numbers wire 0 first: {table.told(*wires)},", "their")


def _bits(table: _Table, able: Sequence[int], cost: int | None) -> _Place | None:
    """One column for each bit, wire 0 first; the cost is the last column, or the first."""
    bits = _bit_columns(table, sorted(able))
    last = len(table.columns) - 1
    choices = [bits] if cost is not None else [list(range(last)), list(range(1, last + 1))]
    choices = [choice for choice in choices if len(choice) > 1 and set(choice) <= set(bits)]
    found = [
        _Place(tuple(choice), order, "the bits, wire 0 first,", "their")
        for choice in choices
        if (order := as_strings(_joined(table, choice), strict=len(choices) == 1)) is not None
    ]
    return _one_of(table, found)


def _index(table: _Table, able: Sequence[int]) -> _Place | None:
    """A column of indices: one that is named so, or written with 0x, where there is any."""
    found = []
    named = [i for i in able if table.parts[i] == "place"]
    for i in named or [i for i in able if table.columns[i][0][:2].lower() == "0x"] or able:
        order = as_indices(table.columns[i])
        if order is not None:
            first = table.columns[i][int(order.argmin())]
            found.append(_Place((i,), order, f"an index, from {first},"))
    return _one_of(table, found)


def _one_of(table: _Table, found: Sequence[_Place]) -> _Place | None:
    """The first place if it is the only one, its rows stand in order, or the others have the same cells."""
    if not found:
        return None
    cells = [[table.columns[i] for i in place.columns] for place in found]
    if in_order(found[0].order) or all(same == cells[0] for same in cells):
        return found[0]
    raise DataError(
        "file",
        expected="one way to say the string of each line",
        got=f"{len(found)}: {' or '.join(table.told(*place.columns) for place in found)}",
        remedy=_NAME_THEM,
    )


def _left(table: _Table, place: _Place) -> int | None:
    """The column that is left for the costs: of numbers, and neither named otherwise nor a counter in front."""
    rest = [i for i in range(len(table.columns)) if i not in place.columns]
    able = [i for i in rest if is_like_number(table.columns[i][0]) and not _is_named_otherwise(table, i)]
    able = [i for i in able if not _counts(table, i, place)] if len(able) > 1 else able
    if not able:
        able = [i for i in rest if not table.parts[i]] or rest
    if len(able) > 1:
        raise _several(table, able)
    return able[0] if able else None


def _is_named_otherwise(table: _Table, at: int) -> bool:
    """Whether a column is no cost by its name; one named as strings are is to hold them (J may be anything)."""
    if table.parts[at] != "place":
        return table.parts[at] == "other"
    return as_indices(table.columns[at]) is not None or as_strings(table.columns[at], strict=False) is not None


def _counts(table: _Table, at: int, place: _Place) -> bool:
    """Whether a first column counts the lines, or their strings."""
    order = as_indices(table.columns[at]) if at == 0 and at < min(place.columns) else None
    return order is not None and (in_order(order) or bool((order == place.order).all()))


def _bit_columns(table: _Table, able: Sequence[int]) -> list[int]:
    return [i for i in able if table.columns[i][0] in ("0", "1") and not "".join(table.columns[i]).strip("01")]


def _joined(table: _Table, columns: Sequence[int]) -> list[str]:
    return ["".join(cells) for cells in zip(*(table.columns[i] for i in columns), strict=True)]
