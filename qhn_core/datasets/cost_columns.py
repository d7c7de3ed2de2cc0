"""Which column of a cost file says the string, and which holds the costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import DataError


class Placed(NamedTuple):
    """Where the costs stand, and where each of them belongs."""

    costs: int  #: column of the costs
    order: NDArray[np.int64]  #: (rows,), index of each row's string
    how: str


def pick_costs(columns: Sequence[Sequence[str]]) -> Placed | None:
    """The column of costs beside one of bitstrings or indices, or beside one column for each bit; None if none fits.

    Args:
        columns: the cells of two or more columns.
    """
    last = len(columns) - 1
    for at in range(last):
        order = as_strings(columns[at])
        if order is not None:
            return Placed(last, order, "a bitstring, wire 0 first, and its cost a line")
    if last == 1:
        order = as_strings(columns[1])
        if order is not None:
            return Placed(0, order, "a cost and its bitstring, wire 0 first, a line")
        found = as_indices(columns[0])
        if found is not None:
            return Placed(1, found, f"an index, from {columns[0][int(found.argmin())]}, and its cost a line")
    bits = as_strings(["".join(cells) for cells in zip(*columns[:last], strict=True)])
    if bits is not None and all(set(column) <= {"0", "1"} for column in columns[:last]):
        return Placed(last, bits, "the bits, wire 0 first, and their cost a line")
    return None


def by_string(strings: Sequence[str], costs: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """``costs`` in the order of their bitstrings, or None if ``strings`` are none."""
    order = as_strings(strings)
    if order is None:
        return None
    placed = np.empty_like(costs)
    placed[order] = costs
    return placed


def as_strings(cells: Sequence[str]) -> NDArray[np.int64] | None:
    """Indices of bitstrings, each of 2^N once; zeros in front may be lost, as spreadsheets lose them. None for others.

    Raises:
        DataError: bitstrings of one length, but not each once.
    """
    if cells[0].strip("|>⟩'01") or "".join(cells).strip("|>⟩'01"):  # the first tells for most, at no cost
        return None
    bare = cells if not "".join(cells).strip("01") else [cell.strip("|>⟩'") for cell in cells]
    if not all(bare) or "".join(bare).strip("01"):
        return None
    widths = set(map(len, bare))
    n_bits = max(widths)
    if n_bits > 20:
        return None
    indices = _numbers(bare, n_bits)
    whole = len(widths) == 1 and n_bits > 1
    if len(cells) == 2**n_bits and (np.bincount(indices, minlength=len(cells)) == 1).all():
        return indices if n_bits > 1 else None
    if not whole or not any(cell.startswith("0") for cell in bare):
        return None
    missing = np.setdiff1d(np.arange(2**n_bits), indices)
    repeated = next((cell for i, cell in enumerate(bare) if cell in bare[:i]), "") if len(cells) <= 4096 else ""
    raise DataError(
        "file",
        expected=f"each of the {2**n_bits} strings of {n_bits} bits once",
        got=f"'{repeated}' more than once" if repeated else f"{len(cells)}, without {missing[0]:0{n_bits}b}",
        remedy="Give forbidden strings a large cost.",
    )


def _numbers(strings: Sequence[str], longest: int) -> NDArray[np.int64]:
    """The numbers that bitstrings of at most ``longest`` digits write."""
    text = "".join(strings)
    if len(text) < longest * len(strings):
        text = "".join(string.rjust(longest, "0") for string in strings)
    bits = np.frombuffer(text.encode("ascii"), dtype=np.uint8).reshape(len(strings), longest) - ord("0")
    numbers = np.zeros(len(strings), dtype=np.int64)
    for column in bits.T:
        numbers = 2 * numbers + column
    return numbers


def as_indices(cells: Sequence[str]) -> NDArray[np.int64] | None:
    """Indices from 0 or from 1, each once; None for other cells."""
    whole = "".join(cells)
    if not (all(cells) and whole.isascii() and whole.isdigit() and max(map(len, cells)) < 9):
        return None
    indices = np.fromiter(map(int, cells), dtype=np.int64, count=len(cells))
    indices = indices - indices.min() if indices.min() in (0, 1) else indices
    return indices if (np.sort(indices) == np.arange(len(indices))).all() else None
