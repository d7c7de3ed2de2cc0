"""Reading a stranger's CSV: encoding, delimiter, header, cells. Every refusal names row, column and remedy.

Rows are counted as a spreadsheet shows them: the header is row 1.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.uploads import check_size
from qhn_core.errors import DataError, shorten

MAX_COLUMNS = 1_000
MAX_ROWS = 200_000
MAX_CELLS = 2_000_000
#: Most different values of a column that can be a label.
MAX_CLASSES = 20

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_DECIMAL = re.compile(r"[-+]?(\d+[.,]\d*|[.,]\d+)([eE][-+]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}", re.ASCII)
_TEXT_ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
}


@dataclass
class Column:
    """One column as it was read; ``row`` numbers are those of a spreadsheet."""

    name: str
    values: dict[str, int] = field(default_factory=dict)  #: different cells and their code, up to MAX_CLASSES + 1
    missing: tuple[int, int, str] = (0, 0, "")  #: (how many, row of the first, what is written there)
    text: tuple[int, int, str] = (0, 0, "")  #: (how many, row of the first, the first)
    infinite: tuple[int, int, str] = (0, 0, "")

    @property
    def numeric(self) -> bool:
        """Whether every cell is a finite number."""
        return not (self.missing[0] or self.text[0] or self.infinite[0])


@dataclass(frozen=True)
class CsvTable:
    """A CSV that could be read; whether its cells can be used is for the columns to say."""

    columns: tuple[Column, ...]
    numbers: NDArray[np.float64]  #: (rows, columns), NaN where a cell is no finite number
    codes: NDArray[np.int16]  #: (rows, columns), code of the cell among its column's values, -1 beyond MAX_CLASSES + 1
    notes: tuple[str, ...]  #: what was noticed: encoding, delimiter

    @property
    def n_rows(self) -> int:
        """Rows below the header."""
        return len(self.numbers)


def read_table(data: bytes, *, header: bool = True) -> CsvTable:
    """Parse a CSV in one streaming pass; sizes are limited before memory is."""
    check_size(len(data))
    encoding, notes = _encoding(data)
    delimiter = _delimiter(data, encoding)
    if delimiter != ",":
        notes.append(f"cells separated by {_DELIMITERS[delimiter]}s")
    comma = delimiter != "," and _decimal_comma(data, encoding, delimiter)
    if comma:
        notes.append("decimals read with a comma")
    rows = _rows(data, encoding, delimiter)
    first = next(rows, None)
    if first is None:
        raise DataError("file", expected="a CSV with rows", got="an empty file", remedy="Export the table again.")
    columns = _columns(first[1], header)
    numbers, codes = array("d"), array("h")
    n_rows = 0
    for row, cells in _with_first(first, rows, header):
        if len(cells) != len(columns):
            raise DataError(
                f"row {row}",
                expected=f"{len(columns)} cells, as in row 1",
                got=f"{len(cells)}",
                remedy="Look for a missing or extra separator, or a cell with a separator that is not in quotes.",
            )
        n_rows += 1
        if n_rows > MAX_ROWS or n_rows * len(columns) > MAX_CELLS:
            raise DataError(
                "file",
                expected=f"at most {MAX_ROWS:,} rows and {MAX_CELLS:,} cells",
                got="more",
                remedy="Keep the columns and rows that you need: a few thousand rows are plenty here.",
            )
        for column, cell in zip(columns, cells, strict=True):
            numbers.append(_number(column, cell.strip(), row, comma=comma))
            codes.append(_code(column, cell.strip()))
    if not n_rows:
        raise DataError(
            "file",
            expected="rows below the header",
            got="a header only",
            remedy="Export the table with its rows." if header else "Export the table again.",
        )
    shape = (n_rows, len(columns))
    table = CsvTable(
        tuple(columns), np.array(numbers).reshape(shape), np.array(codes, dtype=np.int16).reshape(shape), tuple(notes)
    )
    return _without_empty_columns(table)


def _encoding(data: bytes) -> tuple[str, list[str]]:
    """(codec, what to say about it)."""
    if not data.strip(b"\x00\t\r\n "):
        raise DataError("file", expected="a CSV with rows", got="an empty file", remedy="Export the table again.")
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", ["read as UTF-8 with a byte order mark"]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _checked(data, "utf-16"), ["read as UTF-16"]
    head = data[:4096]
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b")):
        raise _not_text("a spreadsheet, a document or an archive")
    if head.count(0) > len(head) // 4:  # text of mostly western letters in UTF-16 has every other byte zero
        guess = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        return _checked(data, guess), ["read as UTF-16"]
    if b"\x00" in data:
        raise _not_text("a binary file")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252" if not set(data) & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "latin-1", [
            "not UTF-8: read as Latin-1; look whether accents came out right"
        ]
    return "utf-8", []


def _checked(data: bytes, encoding: str) -> str:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        raise _not_text("bytes that are neither UTF-8 nor UTF-16") from None
    return encoding


def _not_text(got: str) -> DataError:
    return DataError("file", expected="a text file", got=got, remedy="Export the table as CSV with encoding UTF-8.")


def _delimiter(data: bytes, encoding: str) -> str:
    """The separator that splits the first rows into equally many cells; comma if none does.

    Where several do, row 1 decides, which has as many cells as the rows below it; then how few cells hold another
    separator still (a comma aside: ``1,5;2`` are two numbers by semicolons); then how many cells there are.
    """
    lines = _first_lines(data, encoding, 50)
    found = {mark: score for mark in _DELIMITERS if (score := _fitness(lines, mark)) is not None}
    return max(found, key=lambda mark: found[mark], default=",")


def _fitness(lines: list[str], delimiter: str) -> tuple[bool, float, int] | None:
    """(whether row 1 is as wide as most, fraction of cells without another separator, cells in a row).

    None where the rows are not split.
    """
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return None
    widths = Counter(map(len, rows))
    width, times = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    if width < 2 or times <= 0.6 * len(rows):
        return None
    cells = [cell for row in rows for cell in row]
    others = [mark for mark in _DELIMITERS if mark not in (delimiter, ",")]
    plain = sum(not any(mark in cell for mark in others) for cell in cells)
    return len(rows[0]) == width, round(plain / len(cells), 2), width


def _first_lines(data: bytes, encoding: str, most: int) -> list[str]:
    text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    return [line for _, line in zip(range(most), text, strict=False) if line.strip()]


def _decimal_comma(data: bytes, encoding: str, delimiter: str) -> bool:
    """Whether numbers have decimal commas: some do, none a point, and not all look like thousands (``1,234``)."""
    try:
        rows = list(csv.reader(_first_lines(data, encoding, 1_000), delimiter=delimiter))
    except csv.Error:
        return False
    decimals = [cell.strip() for row in rows for cell in row if is_decimal(cell.strip())]
    return bool(decimals) and all("," in cell for cell in decimals) and not all(map(_THOUSANDS.fullmatch, decimals))


def is_decimal(cell: str) -> bool:
    """Whether a cell is a number with a decimal point or a decimal comma."""
    return _DECIMAL.fullmatch(cell) is not None


def _rows(data: bytes, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(spreadsheet row, cells) of every row that is not blank."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    row = 0
    while True:
        row += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"row {row}",
                expected="cells with matching quotes, none longer than 131,072 letters",
                got=str(error),
                remedy='Double a quote inside a quoted cell ("").',
            ) from None
        if any(cell.strip() for cell in cells):
            if len(cells) > MAX_COLUMNS + 1:
                raise DataError(
                    "file",
                    expected=f"at most {MAX_COLUMNS:,} columns",
                    got=f"{len(cells):,}",
                    remedy="Keep the columns that you need; a few are plenty for a network of 20 weights.",
                )
            yield row, cells


def _columns(cells: list[str], header: bool) -> list[Column]:
    names = [cell.strip() if header else "" for cell in cells]
    names = [name or f"column {i + 1}" for i, name in enumerate(names)]
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DataError(
            "header",
            expected="different column names",
            got=f"'{shorten(twice[0])}' {names.count(twice[0])} times",
            remedy="Rename the columns, or switch the header off if row 1 holds data.",
        )
    return [Column(name) for name in names]


def _with_first(
    first: tuple[int, list[str]], rows: Iterator[tuple[int, list[str]]], header: bool
) -> Iterator[tuple[int, list[str]]]:
    if not header:
        yield first
    yield from rows


def _number(column: Column, cell: str, row: int, *, comma: bool = False) -> float:
    """The cell as a finite number, else NaN and a mark in the column; ``comma`` if decimals are written with one."""
    if cell.lower() in _MISSING:
        count, first, what = column.missing
        column.missing = (count + 1, first or row, what if count else cell)
        return np.nan
    mark = "." if comma else ","  # the one that is not for decimals here
    try:
        value = float(cell.replace(",", ".")) if "_" not in cell and mark not in cell else None
    except ValueError:
        value = None
    if value is None:
        column.text = (column.text[0] + 1, column.text[1] or row, column.text[2] or shorten(cell, 40))
        return np.nan
    if not np.isfinite(value):
        column.infinite = (column.infinite[0] + 1, column.infinite[1] or row, column.infinite[2] or cell)
        return np.nan
    return value


def _code(column: Column, cell: str) -> int:
    code = column.values.get(cell)
    if code is None:
        if len(column.values) > MAX_CLASSES:
            return -1
        code = column.values[cell] = len(column.values)
    return code


def _without_empty_columns(table: CsvTable) -> CsvTable:
    """Drop nameless columns without a single cell: what a separator at the end of each line leaves."""
    kept = [
        i
        for i, column in enumerate(table.columns)
        if not (column.name == f"column {i + 1}" and column.missing[0] == table.n_rows)
    ]
    if len(kept) == len(table.columns) or not kept:
        return table
    return CsvTable(
        tuple(table.columns[i] for i in kept),
        table.numbers[:, kept],
        table.codes[:, kept],
        (*table.notes, f"{len(table.columns) - len(kept)} empty column left out"),
    )
