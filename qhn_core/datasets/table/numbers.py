"""What a cell says: a number, a word for "missing", true or false, or text."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation

#: Words that stand for a missing number. A class may be called so: see :func:`~.labels.label_classes`.
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-", "--", "."})
#: Words of a column of yes and no, as numbers.
BOOLEANS = {"true": 1.0, "false": 0.0}
_DECIMAL = re.compile(r"[-+]?(\d+[.,]\d*|[.,]\d+)([eE][-+]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}", re.ASCII)


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
