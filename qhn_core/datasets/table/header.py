"""Whether row 1 holds names or data, and which names the columns get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from qhn_core.datasets.table.dialect import COMMENT, Dialect, is_remark
from qhn_core.datasets.table.numbers import BOOLEANS, is_missing, is_number, read_number
from qhn_core.errors import DataError, shorten

#: Rows, and cells, by which row 1 is judged.
_FEW_ROWS, _CELLS = 20, 50_000


class Layout(NamedTuple):
    """What stands where."""

    names: tuple[str, ...]  #: of the columns
    given: tuple[bool, ...]  #: whether a column's name stands in the file
    header: bool  #: whether row 1 was taken as names
    skip: int  #: rows before the data
    notes: tuple[str, ...]
    remarks: Remarks  #: among the rows of data


class Remarks(NamedTuple):
    """Rows as wide as the others that begin as a remark does, and hold words where the others hold numbers."""

    numbers: tuple[int, ...]  #: columns that hold numbers; empty where most rows begin so
    comma: bool  #: whether decimals are written with a comma

    def holds(self, row: Sequence[str]) -> bool:
        """Whether a row is a remark."""
        if not (self.numbers and len(row) > self.numbers[-1] and is_remark(row[0].strip())):
            return False
        return not all(_is_numeric(row[i].strip(), comma=self.comma) for i in self.numbers)


class Evidence(NamedTuple):
    """What row 1 says beside the rows below it."""

    words: int  #: words over columns of numbers, as names are
    numbers: int  #: numbers over columns of numbers, as data are
    recurring: int  #: words that occur in the same column below, as classes do
    series: bool  #: whether the numbers count up evenly: 0, 1, 2, … or wavelengths, as names may

    def is_header(self) -> bool:
        """Whether row 1 holds names. Words alone over columns of words say nothing: names are the custom."""
        if self.words:
            return not (self.numbers and self.recurring)
        if self.numbers:
            return self.series
        return not self.recurring


def find_layout(rows: Sequence[Sequence[str]], dialect: Dialect, header: bool | None) -> Layout:
    """Names and first row of data; ``header`` says whether row 1 holds names, None leaves it to what stands there.

    Args:
        rows: the first rows of the file, cells stripped.
        dialect: how the file is written.
        header: what the user says.
    """
    if not rows:
        raise DataError("file", expected="a CSV with rows", got="an empty file", remedy="Export the table again.")
    remarks = _remarks(rows, dialect)
    above = _above(rows, remarks)
    below = [row for row in rows[above:] if not remarks.holds(row)]
    named = above > 0 and not _evidence(below, dialect).words  # so the last remark holds the names
    skip = 0 if header is False else above - named
    rows = [*rows[skip:above], *below]
    found = named or _evidence(rows, dialect).is_header()
    chosen = found if header is None else header
    notes = _notes(rows, dialect, found, chosen, header)
    if not chosen:
        width = len(rows[0])
        names = tuple(f"column {i + 1}" for i in range(width))
        return Layout(names, (False,) * width, False, skip, notes, remarks)
    first, more = _aligned([_without_sign(rows[0][0]), *rows[0][1:]], rows[1:], dialect.width)
    names = tuple(name or _unused(f"column {i + 1}", first) for i, name in enumerate(first))
    _check_names(names)
    return Layout(names, tuple(map(bool, first)), True, skip + 1, (*notes, *more), remarks)


def _remarks(rows: Sequence[Sequence[str]], dialect: Dialect) -> Remarks:
    """Which rows below the first are remarks; none where most begin so, as colours (#ff0000) do."""
    wide = [row for row in rows if len(row) == dialect.width]
    plain = [row for row in wide if not is_remark(row[0])]
    if 2 * len(plain) < len(wide):
        return Remarks((), dialect.comma)
    few = (plain[1:] or plain)[: max(_FEW_ROWS, _CELLS // dialect.width)]  # the first may hold the names
    columns = enumerate(zip(*few, strict=True))
    return Remarks(tuple(i for i, c in columns if _holds_numbers(c, comma=dialect.comma)), dialect.comma)


def _above(rows: Sequence[Sequence[str]], remarks: Remarks) -> int:
    """How many rows above all others are remarks, the last of which may hold the names."""
    if not remarks.numbers:
        return 0
    return next((i for i, row in enumerate(rows) if not is_remark(row[0])), 0)


def _unused(name: str, others: Sequence[str]) -> str:
    """``name``, or one made of it that no other column has."""
    while name in others:
        name += " (no name)"
    return name


def _without_sign(cell: str) -> str:
    return cell[1:].strip() if cell.startswith(COMMENT) and len(cell) > 1 else cell


def _evidence(rows: Sequence[Sequence[str]], dialect: Dialect) -> Evidence:
    first = rows[0]
    most = max(_FEW_ROWS, _CELLS // len(first))
    body = [row for row in rows[1:most] if len(row) == len(first) and list(row) != list(first)]
    words = numbers = recurring = 0
    for name, below in zip(first, zip(*body, strict=True), strict=False):
        number = is_number(name, comma=dialect.comma)
        if _holds_numbers(below, comma=dialect.comma):
            numbers += number
            words += not number and not is_missing(name) and name.lower() not in BOOLEANS
        elif not number and name:
            recurring += name in below
    if not body:
        numbers = sum(is_number(name, comma=dialect.comma) for name in first)
    series = _is_series(first, dialect) and bool(body) and not _is_series(body[0], dialect)
    return Evidence(words, numbers, recurring, series)


def _holds_numbers(cells: Sequence[str], *, comma: bool) -> bool:
    """Whether a column is of numbers, true and false, or missing ones; a few other words among many do not matter."""
    told = [cell for cell in cells if not is_missing(cell)]
    fits = sum(_is_numeric(cell, comma=comma) for cell in told)
    return bool(told) and fits >= 0.95 * len(told)


def _is_numeric(cell: str, *, comma: bool) -> bool:
    """Whether a cell may stand in a column of numbers."""
    return is_number(cell, comma=comma) or is_missing(cell) or cell.lower() in BOOLEANS


def _is_series(first: Sequence[str], dialect: Dialect) -> bool:
    """Whether the numbers of a row are names: 0, 1, 2, … (so pandas names columns), years, or six at even distances."""
    values = [read_number(cell, comma=dialect.comma) or 0.0 for cell in first if is_number(cell, comma=dialect.comma)]
    steps = {round(b - a, 9) for a, b in pairwise(values)}
    if len(steps) != 1 or 0.0 in steps:
        return False
    from_zero = len(values) >= 3 and values[0] == 0.0
    years = min(values) >= 1800 and max(values) <= 2100
    return len(values) >= 6 or (steps == {1.0} and (from_zero or years))


def _notes(
    rows: Sequence[Sequence[str]], dialect: Dialect, found: bool, chosen: bool, header: bool | None
) -> tuple[str, ...]:
    """What was decided about row 1, where it could be otherwise."""
    if header is None and not found:
        return ("row 1 is read as data, as it looks like the rows below: switch the header on if it holds names",)
    if header is True and not found:
        return ("row 1 looks like data: switch the header off if it is",)
    if header is False and found and _evidence(rows, dialect).words:
        return ("row 1 looks like names: switch the header on if it holds them",)
    if chosen and any(is_number(name, comma=dialect.comma) for name in rows[0]):
        return ("row 1 is read as names, though some are numbers: switch the header off if it is data",)
    return ()


def _aligned(first: list[str], body: Sequence[Sequence[str]], width: int) -> tuple[list[str], tuple[str, ...]]:
    """Row 1 as wide as the rows below, where it lacks the name of a first column, or one of them ends in separators.

    (R leaves the name of its row names out.)
    """
    wide = [row for row in body if len(row) == width]
    if len(first) == width - 1 and wide:
        if all(not row[-1] for row in wide):
            return [*first, ""], ()
        return ["", *first], ("row 1 has one name too few: the first column is read as one without a name",)
    if len(first) == width + 1 and not first[-1]:
        return first[:-1], ()
    return first, ()


def _check_names(names: Sequence[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DataError(
            "header",
            expected="different column names",
            got=f"'{shorten(twice[0])}' {names.count(twice[0])} times",
            remedy="Rename the columns, or switch the header off if row 1 holds data.",
        )
