"""What a cell says: a number, a word for "missing", true or false, or text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

#: Words that stand for a missing number. A class may be called so: see :func:`~.labels.label_classes`.
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-", "--", "."})
#: Words of a column of yes and no, as numbers.
BOOLEANS = {"true": 1.0, "false": 0.0}
_DECIMAL = re.compile(r"[-+]?(\d+[.,]\d*|[.,]\d+)([eE][-+]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}", re.ASCII)
#: Numbers with groups of three digits, by the mark between these: ``1,250.5`` and ``1.250,5``.
_GROUPED = {
    ",": re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII),
    ".": re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?", re.ASCII),
}
_MARKED = re.compile(r"[-+]?[\d.,]*\d[\d.,]*([eE][-+]?\d+)?", re.ASCII)


class Marks(NamedTuple):
    """The mark before decimals, and the one between groups of three digits (none: empty)."""

    decimal: str
    group: str


#: A point before decimals, and no groups.
PLAIN = Marks(".", "")


def is_missing(cell: str) -> bool:
    """Whether a cell of a column of numbers counts as missing."""
    return cell.lower() in MISSING


def read_number(cell: str, *, comma: bool = False) -> float | None:
    """The cell as a number, infinite ones included, or None; ``comma`` where decimals are written with one."""
    if "_" in cell or ("." if comma else ",") in cell:
        return None
    try:
        return float(cell.replace(",", ".") if comma else cell)
    except ValueError:
        return None


def is_number(cell: str, *, comma: bool = False) -> bool:
    """Whether a cell is a finite number."""
    value = read_number(cell, comma=comma)
    return value is not None and math.isfinite(value)


def is_decimal(cell: str) -> bool:
    """Whether a cell is a number with a decimal point or a decimal comma."""
    return _DECIMAL.fullmatch(cell) is not None


def has_decimal_comma(cells: list[str]) -> bool:
    """Whether numbers have decimal commas: some do, none a point, and not all look like thousands (``1,234``)."""
    decimals = [cell for cell in cells if is_decimal(cell)]
    return bool(decimals) and all("," in cell for cell in decimals) and not all(map(_THOUSANDS.fullmatch, decimals))


def has_groups(cell: str, mark: str) -> bool:
    """Whether a cell is a number with groups of three digits between commas (or points), and perhaps decimals."""
    return _GROUPED[mark].fullmatch(cell) is not None


def is_like_number(cell: str) -> bool:
    """Whether a cell is a number, whatever points and commas mean in it."""
    return _MARKED.fullmatch(cell) is not None or read_number(cell) is not None


def find_marks(cells: Sequence[str]) -> Marks | None:
    """What points and commas mean in the numbers of a column, or None where they may mean two things.

    As :func:`has_decimal_comma`; of a point and a comma in one number the last is for decimals, a mark that stands
    twice in one is for groups, and so is a comma in ``1,250`` beside ``950``: decimals have no needless zero there.
    """
    whole = "".join(cells)
    commas = [cell for cell in cells if "," in cell] if "," in whole else []
    if not commas and ("." not in whole or not has_groups(next(cell for cell in cells if "." in cell), ".")):
        return PLAIN  # the first tells for most, at no cost
    points = [cell for cell in cells if "." in cell]
    by_comma, by_point = Marks(",", "."), Marks(".", ",")
    if not commas:
        if whole.count(".") > len(points) and all(map(_GROUPED["."].fullmatch, points)):
            return by_comma
        return None if _is_grouped(points, cells, ".") else PLAIN
    last = {max(",.", key=cell.rfind) for cell in commas if "." in cell}
    if last:
        return None if len(last) > 1 else by_comma if last == {","} else by_point
    grouped = all(map(_GROUPED[","].fullmatch, commas))
    if whole.count(",") > len(commas):
        return by_point if grouped else None
    if points:
        return None if grouped == all(map(_GROUPED["."].fullmatch, points)) else by_point if grouped else by_comma
    if has_decimal_comma(list(cells)):
        return by_comma
    return by_point if _is_grouped(commas, cells, ",") else None


def with_point(cell: str, marks: Marks) -> str | None:
    """The number as :func:`float` reads it, or None where its marks stand elsewhere."""
    if marks.group and marks.group in cell:
        if not _GROUPED[marks.group].fullmatch(cell):
            return None
        cell = cell.replace(marks.group, "")
    return None if marks.decimal == "." and "," in cell else cell.replace(marks.decimal, ".")


def _is_grouped(marked: Sequence[str], cells: Sequence[str], mark: str) -> bool:
    """Whether numbers are like ``1,250`` beside ``950``: groups of three, some ending in 0, others short."""
    if not marked or len(marked) == len(cells) or not all(map(_GROUPED[mark].fullmatch, marked)):
        return False
    longest = max(len(cell.lstrip("+-")) for cell in cells if mark not in cell)
    return longest <= 3 and any(cell.endswith("0") for cell in marked)


def canonical(cell: str, *, comma: bool = False) -> str:
    """One spelling of a class: 1, 1.0 and 01 are the same number; the cell itself where floats do not keep it."""
    value = read_number(cell, comma=comma)
    if value is None or not math.isfinite(value) or not _is_kept(cell.replace(",", "."), value):
        return cell
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _is_kept(cell: str, value: float) -> bool:
    """Whether ``value`` is the number that is written in the cell: those of 16 digits or more may be others."""
    try:
        return Decimal(cell) == Decimal(repr(value))
    except InvalidOperation:  # an exponent beyond all bounds
        return False
