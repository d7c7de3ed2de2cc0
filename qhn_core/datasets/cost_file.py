"""Reading a stranger's costs: a NumPy vector, a JSON list, or text, with or without the string of each cost."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.datasets.cost_columns import as_indices, as_strings, by_string, pick_costs
from qhn_core.datasets.table.text import text_encoding
from qhn_core.errors import DataError
from qhn_core.uploads import check_size

#: Most separators and line ends in a text: no table of 2^20 strings needs more.
_MOST_MARKS = 4 << MAX_TABULATED
_COMMENT = ("#", "%")
_SEP = re.compile(r"\"?sep=.{0,2}\"?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
#: Lines by which commas are judged.
_SAMPLE = 1_000
#: Letters of a line by which commas and names are judged, most of a cell, and most cells in one of many lines.
_HEAD, _LONGEST, _WIDEST = 10_000, 400, 64
_LINE_REMEDY = "Write one cost in each line; or its index or bitstring, and the cost."


class ReadCosts(NamedTuple):
    """Costs in index order (wire 0 most significant), and how the file was read, for people."""

    costs: NDArray[np.float64]
    how: str


def parse_costs(data: bytes, suffix: str) -> ReadCosts:
    """The costs in a file's content, and how it was read.

    Args:
        data: content of a .npy file (one vector), a .json file (a list, or an object of bitstrings), or of a text:
            numbers in one line or one column, or an index or a bitstring (wire 0 first) and the cost in each line.
        suffix: of the file.

    Raises:
        DataError: the content is none of these; names line and remedy.
    """
    check_size(len(data))
    if not data.strip():
        raise DataError("file", expected="2^N costs", got="an empty file", remedy="Save the table again.")
    if suffix == ".npy":
        return ReadCosts(check_costs(_from_npy(data)), "a NumPy vector")
    codec, _ = text_encoding(data)
    text = data.decode(codec)
    read = _from_json(text) if suffix == ".json" else _from_text(text)
    return ReadCosts(check_costs(read.costs), read.how)


def check_costs(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """A vector of 2**N finite costs, 1 ≤ N ≤ 20; otherwise :class:`DataError` with the nearest lengths."""
    bad = np.flatnonzero(~np.isfinite(check_length(costs)))
    if len(bad):
        raise DataError(
            "costs",
            expected="finite costs",
            got=f"{costs[bad[0]]} at index {bad[0]}",
            remedy="Use a large finite cost for forbidden strings.",
        )
    return np.ascontiguousarray(costs, dtype=np.float64)


def check_length(costs: NDArray) -> NDArray:
    """``costs`` if it is one vector of 2**N, 1 ≤ N ≤ 20; otherwise :class:`DataError` with the nearest lengths."""
    if costs.ndim != 1:
        raise DataError(
            "costs", expected="one vector", got=f"shape {costs.shape}", remedy="Save one number per bitstring."
        )
    size = costs.size
    n_bits = max(1, size.bit_length() - 1)
    if size < 2 or size != 2**n_bits:
        near = f"{2**n_bits} or {2 ** (n_bits + 1)}" if size > 2 else "2"
        raise DataError(
            "costs",
            expected="2^N costs, one for each bitstring",
            got=f"{size} of them",
            remedy=f"No power of two; the nearest are {near}. Pad with a large cost, or cut.",
        )
    if n_bits > MAX_TABULATED:
        raise DataError("costs", expected=f"at most 2^{MAX_TABULATED} costs", got=f"2^{n_bits}")
    return costs


def _from_npy(data: bytes) -> NDArray[np.float64]:
    remedy = "Save a float array with numpy.save(…, allow_pickle=False)."
    try:
        array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # a hostile header can fail in many ways
        raise DataError("file", expected="a NumPy array of numbers", got=str(error), remedy=remedy) from None
    if array.dtype.kind not in "fiub":
        raise DataError("file", expected="a NumPy array of real numbers", got=str(array.dtype), remedy=remedy)
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()
    return check_length(array).astype(np.float64)


def _from_json(text: str) -> ReadCosts:
    if text.count(",") >= 2 << MAX_TABULATED:
        raise DataError("costs", expected=f"at most 2^{MAX_TABULATED} costs", got="more", remedy="Cut the list.")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("file", expected="a JSON list of numbers", got=str(error)) from None
    held = list(values.values()) if isinstance(values, dict) else values
    if isinstance(held, list) and held and all(type(v) in (int, float) for v in held):
        with contextlib.suppress(OverflowError):
            costs = np.array(held, dtype=np.float64)
            if isinstance(values, list):
                return ReadCosts(costs, "a JSON list")
            placed = by_string(list(values), costs)
            if placed is not None:
                return ReadCosts(placed, "a JSON object of bitstrings, wire 0 first")
    raise DataError(
        "file",
        expected="a JSON list of numbers, or an object with a number for every bitstring",
        got=values,
        remedy="Write [0.5, 1.0, …].",
    )


class _Lines(NamedTuple):
    """Lines with numbers, blanks for every separator but commas, and where they stand in the file."""

    text: Sequence[str]
    numbers: Sequence[int]


def _from_text(text: str) -> ReadCosts:
    if sum(text.count(mark) for mark in "\n\r,;|\t ") > _MOST_MARKS:
        raise DataError("costs", expected=f"at most 2^{MAX_TABULATED} costs", got="more", remedy=_LINE_REMEDY)
    plain = _one_column(text)
    if plain is not None:
        return ReadCosts(plain, "one cost a line")
    lines, header = _lines(text)
    comma = _decimal_comma(lines.text, header)
    if comma:
        how, mark = ", decimals with a comma", "."
    else:
        how, mark = "", " "
    if len(lines.text) == 1:
        cells = re.sub(r", +", " ", lines.text[0]).replace(",", mark).split()
        return ReadCosts(_values(cells, [*lines.numbers] * len(cells)), f"numbers in a line{how}")
    columns = _columns(lines, mark)
    if len(columns) == 1:
        return ReadCosts(_values(columns[0], lines.numbers), f"one cost a line{how}")
    at = pick_costs(columns)
    if at is None:
        raise DataError(
            "file",
            expected="one column of costs, or an index or a bitstring and the cost in each line",
            got=f"{len(lines.text)} lines of {len(columns)} numbers",
            remedy="A matrix is no cost table: write the cost of each of its 2^N strings in a line."
            if len(columns) == len(lines.text)
            else _LINE_REMEDY,
        )
    _check_thousands(columns[at.costs], lines.numbers)
    costs = np.empty(len(lines.text))
    costs[at.order] = _values(columns[at.costs], lines.numbers)
    return ReadCosts(costs, at.how + how)


def _one_column(text: str) -> NDArray[np.float64] | None:
    """One number in each line and nothing else: the common file, all at once; None for others."""
    if any(mark in text for mark in ",;|_ \t\"'"):
        return None
    cells = text.split()
    if not 1 < len(cells) <= 2 << MAX_TABULATED or max(map(len, cells)) > _LONGEST:
        return None
    with contextlib.suppress(ValueError):
        return np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    return None


def _lines(text: str) -> tuple[_Lines, list[str]]:
    """(lines with numbers, names in a first line): blank lines, comments and ``sep=;`` are left out.

    What is large is never held as many small containers, so that a long file stays quick and others can work.
    """
    for mark in ";:|\t\"'":
        text = text.replace(mark, " ")
    longest = max(map(len, text.replace(",", " ").split()), default=0)
    if longest > _LONGEST:
        raise DataError("file", expected="numbers", got=f"one of {longest:,} letters", remedy=_LINE_REMEDY)
    kept = [line.strip() for line in text.splitlines()]
    numbers: Sequence[int] = range(1, len(kept) + 1)
    if not all(kept) or any(mark in text for mark in _COMMENT) or _SEP.fullmatch(kept[0]):
        told = [(n, line) for n, line in zip(numbers, kept, strict=True) if line and not line.startswith(_COMMENT)]
        told = told[bool(told and _SEP.fullmatch(told[0][1])) :]
        kept, numbers = [line for _, line in told], [n for n, _ in told]
    first = re.split(r"[ ,]+", kept[0][:_HEAD]) if kept else []
    # A name has a letter, and is no number (nan) and no bitstring (|01⟩).
    named = any(re.search(r"[^\W\d_]", cell) and _number(cell) is None for cell in first)
    if len(kept) == named:
        raise DataError("file", expected="2^N costs", got="no line with numbers", remedy="Save the table again.")
    return _Lines(kept[named:], numbers[named:]), first if named else []


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _decimal_comma(lines: Sequence[str], header: Sequence[str]) -> bool:
    """Whether commas are for decimals: each stands within a number, none beside a decimal point.

    ``2,5`` alone in a line may be a decimal, or an index and a cost.
    """
    cells = [cell for line in lines[:_SAMPLE] for cell in re.sub(r", +", " ", line[:_HEAD]).split()]
    with_comma = [cell for cell in cells if "," in cell]
    if not with_comma or any("." in cell for cell in cells) or not all(map(_DECIMAL_COMMA.fullmatch, with_comma)):
        return False
    if len(cells) > len(lines[:_SAMPLE]):  # another separator stands between the numbers
        return True
    if len(header) == 1 or len(with_comma) < len(cells):
        return True
    return len(header) != 2 and not _are_pairs(lines)


def _are_pairs(lines: Sequence[str]) -> bool:
    """Whether lines such as ``2,5`` are an index or a bitstring and a cost, and no decimals: judged by all lines.

    Raises:
        DataError: they may be either.
    """
    first = [line.partition(",")[0] for line in lines]
    if as_strings(first) is not None:
        return True
    order = as_indices(first)
    if order is None or not all(line.rpartition(",")[2].isdigit() for line in lines):
        return False
    if len(order) >= 8 or (len(order) > 2 and (np.diff(order) == 1).all()):
        return True
    raise DataError(
        "file",
        expected="costs, or an index and a cost in each line",
        got=f"lines such as {lines[0]}, which may be either",
        remedy="Write decimals with a point, or a first line 'cost' or 'index,cost'.",
    )


def _columns(lines: _Lines, mark: str) -> list[list[str]]:
    """The cells column by column; ``mark`` stands in for commas."""
    width = len(re.sub(r", +", " ", lines.text[0]).replace(",", mark).split())
    columns: list[list[str]] = [[] for _ in range(width)]
    if width > _WIDEST:
        raise DataError(
            "file", expected="one cost in each line", got=f"lines of {width:,} numbers", remedy=_LINE_REMEDY
        )
    for start in range(0, len(lines.text), _SAMPLE):
        block = "\n".join(lines.text[start : start + _SAMPLE])
        block = re.sub(r", +", " ", block).replace(",", mark)
        # A mark of its own at each line's end: every (width + 1)th cell is one where all lines are as wide.
        cells = f"{block}\n".replace("\n", " ; ").split()
        ends = cells[width :: width + 1]
        if len(ends) != block.count("\n") + 1 or ends.count(";") != len(ends) or cells.count(";") != len(ends):
            raise _of_another_width(block, lines.numbers[start:], width)
        for at, column in enumerate(columns):
            column.extend(cells[at :: width + 1])
    return columns


def _of_another_width(block: str, numbers: Sequence[int], width: int) -> DataError:
    """What is wrong with the first line that has more or fewer cells than the first."""
    found = ((number, len(line.split())) for number, line in zip(numbers, block.split("\n"), strict=False))
    number, got = next((number, count) for number, count in found if count != width)
    return DataError(f"line {number}", expected=f"{width} cells, as before", got=f"{got}", remedy=_LINE_REMEDY)


def _check_thousands(cells: Sequence[str], numbers: Sequence[int]) -> None:
    """Refuse costs such as 000: they are the end of 2,000, not a cost beside an index."""
    if not re.search(r"^0\d", "\n".join(cells), re.MULTILINE):
        return
    for number, cell in zip(numbers, cells, strict=True):
        if len(cell) > 2 and cell[0] == "0" and cell[1].isdigit():
            raise DataError(
                f"line {number}", expected="a cost", got=cell, remedy="Write thousands without a separator."
            )


def _values(cells: Sequence[str], numbers: Sequence[int]) -> NDArray[np.float64]:
    with contextlib.suppress(ValueError):
        if "_" not in "".join(cells):
            return np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    number, cell = next((n, c) for n, c in zip(numbers, cells, strict=False) if _number(c) is None)
    raise DataError(f"line {number}", expected="numbers", got=cell, remedy=_LINE_REMEDY)
