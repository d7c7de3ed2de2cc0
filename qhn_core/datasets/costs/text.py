"""Costs in a text: lines, separators, what commas mean, names in a first line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.datasets.costs.columns import pick_costs
from qhn_core.datasets.costs.header import Header, is_name
from qhn_core.datasets.costs.numbers import EMPTY, LINE_REMEDY, check_thousands, read_costs_of
from qhn_core.datasets.costs.places import as_indices, as_strings, in_order
from qhn_core.datasets.table.numbers import PLAIN, find_marks, has_groups, is_decimal
from qhn_core.errors import DataError

#: Most separators and line ends in a text: no table of 2^20 strings needs more.
_MOST_MARKS = 4 << MAX_TABULATED
_COMMENT = ("#", "%")
_SEP = re.compile(r"\"?sep=.{0,2}\"?", re.IGNORECASE)
_GROUPED_OTHERWISE = re.compile(r"(?<=\d)['’\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_IN_QUOTES = re.compile(r"\"[-+]?\d[\d.]*,[\d.,]*\"")
_EMPTY_MARKS = (",,", ";;", "\n,", "\n;")
_EMPTY_CELL = re.compile(r"(?<=[,;]) *(?=[,;])|^(?=[,;])", re.MULTILINE)
#: Lines by which commas are judged.
_SAMPLE = 1_000
#: Letters of a line by which commas and names are judged, most of a cell, and most cells in one of many lines.
_HEAD, _LONGEST, _WIDEST = 10_000, 400, 64


class _Lines(NamedTuple):
    """Lines with numbers, blanks for every separator but commas, and where they stand in the file."""

    text: Sequence[str]
    numbers: Sequence[int]
    header: Header


def costs_in_text(text: str) -> tuple[NDArray[np.float64], str]:
    """The costs, and how the text was read.

    Raises:
        DataError: it cannot be read, or may mean two things; names line and remedy.
    """
    if sum(text.count(mark) for mark in "\n\r,;|\t ") > _MOST_MARKS:
        raise DataError("costs", expected=f"at most 2^{MAX_TABULATED} costs", got="more", remedy=LINE_REMEDY)
    plain = _one_column(text)
    if plain is not None:
        return plain, "one cost a line"
    lines = _lines(_with_plain_marks(text))
    separate = _commas_separate(lines)
    if len(lines.text) == 1:
        return _one_line(lines, separate)
    columns, names = _without_empty(_columns(lines, separate), lines.header)
    if len(columns) == 1:
        costs, marks = read_costs_of(columns[0], lines.numbers)
        return costs, f"one cost a line{marks}"
    at = pick_costs(columns, names)
    if at is None:
        raise _no_table(len(lines.text), len(columns))
    if separate:
        check_thousands(columns[at.costs], lines.numbers)
    found, marks = read_costs_of(columns[at.costs], lines.numbers, [cell for i in at.others for cell in columns[i]])
    costs = np.empty(len(found))
    costs[at.order] = found
    return costs, at.how + marks


def _no_table(height: int, width: int) -> DataError:
    return DataError(
        "file",
        expected="one column of costs, or an index or a bitstring and the cost in each line",
        got=f"{height} lines of {width} numbers",
        remedy="A matrix is no cost table: write the cost of each of its 2^N strings in a line."
        if height == width
        else LINE_REMEDY,
    )


def _one_column(text: str) -> NDArray[np.float64] | None:
    """One number in each line and nothing else: the common file, all at once; None for others."""
    if any(mark in text for mark in ",;|_ \t\"'"):
        return None
    cells = text.split()
    if not 1 < len(cells) <= 2 << MAX_TABULATED or max(map(len, cells)) > _LONGEST:
        return None
    if find_marks(cells) != PLAIN:
        return None
    with contextlib.suppress(ValueError):
        return np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    return None


def _one_line(lines: _Lines, separate: bool) -> tuple[NDArray[np.float64], str]:
    cells = _split(lines.text[0], separate)
    if len(cells) > 1 and lines.header.fits(len(cells)):
        raise DataError(
            "file",
            expected="a line for each string below the names of the columns",
            got="one line",
            remedy="Leave the names out if the line holds all costs in the order of their strings.",
        )
    costs, marks = read_costs_of(cells, [*lines.numbers] * len(cells))
    return costs, f"numbers in a line{marks}"


def _with_plain_marks(text: str) -> str:
    """The text with - for true minus signs, without other marks of thousands than points and commas.

    Where numbers in quotes have commas, other commas become semicolons. Cells without content get a sign.
    """
    text = text.replace("−", "-")
    if not text.isascii() or "'" in text:
        text = _GROUPED_OTHERWISE.sub("", text)
    if any(mark in text for mark in _EMPTY_MARKS) or text[0] in ",;" or (" " in text and _EMPTY_CELL.search(text)):
        text = _EMPTY_CELL.sub(f" {EMPTY} ", text)
    if '"' in text and _IN_QUOTES.search(text):
        text = re.sub(r"\"[^\"\n]*\"|,", lambda found: ";" if found[0] == "," else found[0], text)
    return text


def _lines(text: str) -> _Lines:
    """Lines with numbers, and the names above them: blank lines, comments and ``sep=;`` are left out.

    What is large is never held as many small containers, so that a long file stays quick and others can work.
    """
    raw = text
    for mark in ";:|\t\"'":
        text = text.replace(mark, " ")
    longest = max(map(len, text.replace(",", " ").split()), default=0)
    if longest > _LONGEST:
        raise DataError("file", expected="numbers", got=f"one of {longest:,} letters", remedy=LINE_REMEDY)
    kept = [line.strip(", ") for line in text.splitlines()]
    numbers: Sequence[int] = range(1, len(kept) + 1)
    if not all(kept) or any(mark in text for mark in (*_COMMENT, "--")) or _SEP.fullmatch(kept[0]):
        told = [(n, line) for n, line in zip(numbers, kept, strict=True) if _says_something(line)]
        told = told[bool(told and _SEP.fullmatch(told[0][1])) :]
        kept, numbers = [line for _, line in told], [n for n, _ in told]
    named = bool(kept) and _is_header(kept)
    if len(kept) == named:
        raise DataError("file", expected="2^N costs", got="no line with numbers", remedy="Save the table again.")
    return _Lines(kept[named:], numbers[named:], Header(_line_of_names(raw, numbers[0], named)))


def _says_something(line: str) -> bool:
    """Whether a line is neither blank, nor a comment, nor a rule below the names of a drawn table."""
    return bool(line.strip("-+= ")) and not line.startswith(_COMMENT)


def _is_header(kept: Sequence[str]) -> bool:
    """Whether the first line holds names: one has a letter, and does not stand in the next as well (a unit).

    pandas writes ``,0`` above the index and the values of a nameless series.
    """
    first, second = (re.split(r"[ ,]+", line[:_HEAD]) for line in (kept[0], kept[1] if len(kept) > 1 else ""))
    if first[0] == EMPTY and second[0] != EMPTY:
        return True
    names = set(filter(is_name, first)) - {EMPTY}
    return bool(names) and not names & set(second)


def _line_of_names(text: str, number: int, named: bool) -> str:
    """The first line as it stands if it holds names, or else a comment right above it."""
    if not named and not any(sign in text for sign in _COMMENT):
        return ""
    lines = text[:_HEAD].splitlines()
    if number >= len(lines):
        lines = text.splitlines()
    if named:
        return lines[number - 1][:_HEAD].replace(EMPTY, "")
    above = lines[number - 2][:_HEAD].strip() if number > 1 else ""
    return above if above.startswith(_COMMENT) else ""


def _split(line: str, separate: bool) -> list[str]:
    line = re.sub(r", +", " ", line)
    return (line.replace(",", " ") if separate else line).split()


def _commas_separate(lines: _Lines) -> bool:
    """Whether commas stand between numbers, and not within them.

    They stand within where all that have one are decimals or groups of three, and names or another separator say so,
    or where some lines have none. ``2,5`` alone in a line may be a decimal, or an index and a cost.
    """
    sample = [line[:_HEAD] for line in lines.text[:_SAMPLE]]
    cells = [cell for line in sample for cell in _split(line, separate=False)]
    if not all(_is_number_with_commas(cell) for cell in cells if "," in cell):
        return True
    within, between = (max(len(_split(line, separate)) for line in sample) for separate in (False, True))
    if within == between:
        return False
    if lines.header.fits(within) != lines.header.fits(between):
        return lines.header.fits(between)
    if len(lines.text) == 1:
        return within == 1
    if len(cells) > len(sample) or any("," not in line for line in sample):
        return False
    widths = {line.count(",") for line in sample}
    return len(widths) == 1 and (widths != {1} or _are_pairs(lines))


def _is_number_with_commas(cell: str) -> bool:
    grouped = has_groups(cell, ",") or has_groups(cell, ".")
    return grouped or (is_decimal(cell) and cell[0] != "," and cell[-1] != ",")


def _are_pairs(lines: _Lines) -> bool:
    """Whether lines such as ``2,5`` are two cells, a string and a cost, and no numbers: judged by all lines.

    Raises:
        DataError: they may be either.
    """
    first, second = zip(*((a, b) for a, _, b in (line.partition(",") for line in lines.text)), strict=True)
    if as_strings(first) is not None or as_strings(second, strict=False) is not None:
        return True
    thousands = all(has_groups(line, ",") for line in lines.text)
    if not all(map(str.isdigit, second)) and not thousands:
        return False
    found = [order for cells in (first, second) if (order := as_indices(cells)) is not None]
    if not found:
        return False
    order = found[0]
    if thousands:
        check_thousands(second, lines.numbers)
    elif len(order) >= 8 or (len(order) > 2 and in_order(order)):
        return True
    raise DataError(
        "file",
        expected="costs, or an index and a cost in each line",
        got=f"lines such as {lines.text[0]}, which may be either",
        remedy="Write decimals with a point, or a first line 'cost' or 'index,cost'.",
    )


def _columns(lines: _Lines, separate: bool) -> list[list[str]]:
    """The cells column by column."""
    width = len(_split(lines.text[0], separate))
    columns: list[list[str]] = [[] for _ in range(width)]
    if width > _WIDEST:
        raise DataError("file", expected="one cost in each line", got=f"lines of {width:,} numbers", remedy=LINE_REMEDY)
    for start in range(0, len(lines.text), _SAMPLE):
        block = re.sub(r", +", " ", "\n".join(lines.text[start : start + _SAMPLE]))
        block = block.replace(",", " ") if separate else block
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
    return DataError(f"line {number}", expected=f"{width} cells, as before", got=f"{got}", remedy=LINE_REMEDY)


def _without_empty(columns: list[list[str]], header: Header) -> tuple[list[list[str]], list[str]]:
    """(columns with a cell that is not empty, their names if there are any)."""
    names = list(header.names(len(columns)))
    told = [i for i, cells in enumerate(columns) if cells[0] != EMPTY or set(cells) != {EMPTY}]
    return [columns[i] for i in told], [names[i] for i in told] if names else []
