"""Which string a row of a cost file belongs to: bitstrings and indices as they are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import DataError

_KET = "|>⟩'"


def by_string(strings: Sequence[str], costs: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """``costs`` in the order of their bitstrings, or None if ``strings`` are none."""
    order = as_strings(strings)
    if order is None:
        return None
    placed = np.empty_like(costs)
    placed[order] = costs
    return placed


def as_strings(cells: Sequence[str], *, strict: bool = True) -> NDArray[np.int64] | None:
    """Indices of bitstrings, each of 2^N once; zeros in front may be lost, as spreadsheets lose them. None for others.

    Args:
        cells: bitstrings, kets or binary literals (``0b01``), perhaps.
        strict: refuse bitstrings of one length that are not each there once, instead of returning None.

    Raises:
        DataError: such bitstrings, if ``strict``.
    """
    if cells[0].strip(f"{_KET}01bB") or "".join(cells).strip(f"{_KET}01bB"):  # the first tells for most, at no cost
        return None
    bare = cells if not "".join(cells).strip("01") else [_bare(cell) for cell in cells]
    if not all(bare) or "".join(bare).strip("01"):
        return None
    widths = set(map(len, bare))
    n_bits = max(widths)
    if n_bits > 20:
        return None
    indices = _numbers(bare, n_bits)
    whole = len(widths) == 1 and n_bits > 1
    if len(cells) == 2**n_bits and (np.bincount(indices, minlength=len(cells)) == 1).all():
        return indices if n_bits > 1 or bare is not cells else None
    if not (strict and whole and any(cell.startswith("0") for cell in bare)):
        return None
    missing = np.setdiff1d(np.arange(2**n_bits), indices)
    repeated = next((cell for i, cell in enumerate(bare) if cell in bare[:i]), "") if len(cells) <= 4096 else ""
    raise DataError(
        "file",
        expected=f"each of the {2**n_bits} strings of {n_bits} bits once",
        got=f"'{repeated}' more than once" if repeated else f"{len(cells)}, without {missing[0]:0{n_bits}b}",
        remedy="Give forbidden strings a large cost.",
    )


def _bare(cell: str) -> str:
    """The bits of a ket or a binary literal."""
    return cell.strip(_KET).lower().removeprefix("0b")


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
    """Indices from 0 or from 1, each once, perhaps hexadecimal (``0x1f``); None for other cells."""
    base = 10
    if cells[0][:2].lower() == "0x" and all(cell[:2].lower() == "0x" for cell in cells):
        cells, base = [cell[2:] for cell in cells], 16
    elif cells[0].endswith(".0") and all(cell.endswith(".0") for cell in cells):  # floats, as pandas writes some
        cells = [cell.removesuffix(".0") for cell in cells]
    whole = "".join(cells).lower()
    digits = whole.translate(dict.fromkeys(map(ord, "abcdef"), "0")) if base == 16 else whole
    if not (all(cells) and whole.isascii() and digits.isdigit() and max(map(len, cells)) < 9):
        return None
    if base == 10:
        indices = np.fromiter(map(int, cells), dtype=np.int64, count=len(cells))
    else:
        indices = np.array([int(cell, base) for cell in cells])
    indices = indices - indices.min() if indices.min() in (0, 1) else indices
    return indices if (np.sort(indices) == np.arange(len(indices))).all() else None


def in_order(order: NDArray[np.int64]) -> bool:
    """Whether rows stand in the order of their strings."""
    return bool((order == np.arange(len(order))).all())
