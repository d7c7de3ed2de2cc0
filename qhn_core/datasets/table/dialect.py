"""How a table is written: separator, decimals, comment lines."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from qhn_core.datasets.table.numbers import has_decimal_comma, is_decimal, is_missing, is_number
from qhn_core.datasets.table.text import MAX_LINE, text_lines, too_long
from qhn_core.errors import DataError

#: Rows from which separator, decimals and header are found.
SAMPLE_ROWS = 1_000
MAX_COLUMNS = 1_000
#: Cells of it by which decimals, and separators, are judged.
_CELLS, _FEW_CELLS = 50_000, 5_000
BLANKS = " "
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", BLANKS: "blanks"}
COMMENT = ("#", "%")
#: What spreadsheets write where a formula fails: no remark.
_FAULT = re.compile(r"#(N/A|[A-Z]+[!?]|[A-Z]+/0!)", re.ASCII)
_SEP = re.compile(r"\s*\"?sep=(.|\\t)?\"?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Args:
        delimiter: one of :data:`DELIMITERS`; blanks stand for runs of blanks and tabs.
        width: cells in most rows.
        comma: whether decimals are written with a comma.
        declared: whether the first line names the delimiter (``sep=;``); it is no row.
    """

    delimiter: str
    width: int
    comma: bool = False
    declared: bool = False

    def cells(self, lines: Iterable[str], *, strict: bool = True, comments: bool = True) -> Iterator[list[str]]:
        """The cells of each row of ``lines``; blank lines give none, and comments, of which there may be none."""
        kept = (self.without_comment(line) for line in lines) if comments or self.delimiter == BLANKS else lines
        # (Blanks after a separator are no part of a cell: a run of them is one separator, and quotes may follow.)
        return csv.reader(kept, delimiter=self.delimiter, skipinitialspace=True, strict=strict)

    def without_comment(self, line: str) -> str:
        """The line, blank if it is a comment: one that starts with # or % and is not as wide as a row.

        Where blanks separate, those after the sign do not: it belongs to the first cell.
        """
        if self.delimiter == BLANKS:
            words = line.replace("\t", BLANKS).strip()
            if not words.startswith(COMMENT):
                return words + "\n"
            words = words[0] + words[1:].lstrip()
            return words + "\n" if len(words.split()) == self.width and len(words) > 1 else "\n"
        sign = line.lstrip(BLANKS).startswith(COMMENT)
        return "\n" if sign and line.count(self.delimiter) + 1 != self.width else line


def is_remark(cell: str) -> bool:
    """Whether a row may be a remark, by its first cell; a lone # is a name."""
    return cell.startswith(COMMENT) and len(cell) > 1 and not _FAULT.fullmatch(cell)


def find_dialect(data: bytes, encoding: str) -> tuple[Dialect, list[list[str]]]:
    """(how the table is written, its first rows as that gives them)."""
    lines = _sample(data, encoding)
    declared = _declared(lines[0]) if lines else None
    if declared is not None:
        lines = lines[1:]
    marks = [declared] if declared else list(DELIMITERS)
    fits = {mark: fit for mark in marks if (fit := _fit(lines, mark)) is not None}
    best = max(fits, key=lambda mark: fits[mark][0], default=declared or ",")
    width = fits[best][1] if best in fits else 1
    dialect = Dialect(best, width, declared=declared is not None)
    rows = rows_of(lines, dialect)
    comma = has_decimal_comma([cell for row in rows[: max(20, _CELLS // width)] for cell in row])
    return Dialect(best, width, comma, declared is not None), rows


def rows_of(lines: Iterable[str], dialect: Dialect, *, comments: bool = True) -> list[list[str]]:
    """The rows of a sample, cells without surrounding blanks; as far as they can be read."""
    rows = []
    try:
        for cells in dialect.cells(lines, strict=False, comments=comments):
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                rows.append(stripped)
    except csv.Error:  # the reading of the whole table says so, with the row
        pass
    return rows


def row_blocks(data: bytes, encoding: str, dialect: Dialect, size: int) -> Iterator[tuple[int, list[list[str]]]]:
    """(row of the first as a spreadsheet counts it, cells of each) of ``size`` rows after the other, blank ones too."""
    lines = text_lines(data, encoding)
    if dialect.declared:
        next(lines)
    row, spent, rows = 1, 0, list[list[str]]()

    def counted() -> Iterator[str]:
        nonlocal spent
        for line in lines:
            spent += len(line)
            if spent > MAX_LINE:
                raise too_long(row + len(rows))
            yield line

    # What is in no byte is in no text. Without a quote a row is a line, whose length is limited where it is read.
    comments = any(sign.encode() in data for sign in COMMENT)
    reader, fault = dialect.cells(counted() if b'"' in data else lines, comments=comments), None
    while True:
        try:
            for cells in islice(reader, size):
                spent = 0
                rows.append(cells)
        except (csv.Error, DataError) as error:  # of a later row than those read, which may have faults of their own
            fault = error if isinstance(error, DataError) else _unreadable(row + len(rows), error)
        yield row, rows
        if fault is not None:
            raise fault from None
        if len(rows) < size:
            return
        row, rows = row + len(rows), []


def _unreadable(row: int, error: csv.Error) -> DataError:
    return DataError(
        f"row {row}",
        expected="cells with matching quotes, none longer than 131,072 letters",
        got=str(error),
        remedy='Double a quote inside a quoted cell ("").',
    )


def _sample(data: bytes, encoding: str) -> list[str]:
    """The first lines that are not blank, a megabyte at most."""
    kept, size = [], 0
    for line in islice(text_lines(data, encoding), 10 * SAMPLE_ROWS):
        size += len(line)
        if line.strip():
            kept.append(line)
        if size > MAX_LINE or len(kept) > SAMPLE_ROWS:
            break
    return kept


def _declared(line: str) -> str | None:
    """The separator that a first line ``sep=;`` names, or None."""
    found = _SEP.fullmatch(line)
    if found is None:
        return None
    mark = "\t" if found[1] in (None, "\\t") else found[1]
    return mark if mark in DELIMITERS else None


def _fit(lines: list[str], delimiter: str) -> tuple[tuple[bool, float, bool, int], int] | None:
    """How well a separator splits the rows, and the width of most rows; None where it does not split them.

    In this order: whether all rows below the first are equally wide; how many of their cells are plain, which is a
    number, or a word without another separator in it; whether row 1 is as wide; how wide they are.
    """
    rows = rows_of(lines, Dialect(delimiter, 0)) or rows_of(lines, Dialect(delimiter, 0), comments=False)
    widths = Counter(map(len, rows[1:] or rows))
    width, times = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    if width < 2 or times <= 0.6 * len(rows[1:] or rows):
        return None
    cells = [cell for row in (rows[1:] or rows)[: max(5, _FEW_CELLS // width)] if len(row) == width for cell in row]
    if not cells:
        return None
    plain = sum(map(_is_plain, cells)) / len(cells)
    return (len(widths) == 1, round(plain, 2), len(rows[0]) == width, width), width


def _is_plain(cell: str) -> float:
    """1 for a number or a missing one, a half for words, 0 for text that may be several cells."""
    if is_missing(cell) or is_number(cell) or (is_decimal(cell) and not cell.endswith(",")):
        return 1.0
    if any(mark in cell for mark in DELIMITERS if mark != BLANKS):
        return 0.0
    parts = cell.split()
    return 0.0 if len(parts) > 1 and all(map(is_number, parts)) else 0.5
