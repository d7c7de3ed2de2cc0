"""The prose of lessons: Markdown without HTML, pictures or foreign links, with numbers put in from the run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from qhn_core.errors import InvalidArgument, shorten

_HTML = re.compile(r"<\s*[A-Za-z/!?]")
_PICTURE = re.compile(r"!\[")
_LINK = re.compile(r"\]\(\s*([^)\s]*)")
_REFERENCE = re.compile(r"^\s*\[[^\]]+\]:", re.MULTILINE)
#: ``{{name}}`` or ``{{name|%}}``: a number of the experiment, as it is or as a percentage.
PLACE = re.compile(r"\{\{\s*([a-z0-9_.]+)\s*(?:\|\s*(%)\s*)?\}\}")
#: Digits of an exponent.
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
#: Words of one step, before the reveal and after it: what fits a screen beside the experiment.
MOST_WORDS = 110


def check_prose(text: str) -> str:
    """``text`` if it is plain Markdown; raises InvalidArgument otherwise."""
    for pattern, what in ((_HTML, "HTML"), (_PICTURE, "a picture"), (_REFERENCE, "a link's definition")):
        if found := pattern.search(text):
            near = shorten(text[max(found.start() - 10, 0) : found.end() + 20], 40)
            raise InvalidArgument("text", expected=f"Markdown without {what}", got=near, remedy="Write it in words.")
    for link in _LINK.findall(text):
        if not link.startswith("https://"):
            raise InvalidArgument("text", expected="links that begin with https://", got=link)
    return text


#: A line of a lesson.
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(check_prose)
]


def places(text: str) -> list[str]:
    """Names of the numbers that ``text`` asks for."""
    return [found[1] for found in PLACE.finditer(text)]


def fill(text: str, numbers: Mapping[str, float]) -> str:
    """``text`` with its numbers put in, three significant digits; an ellipsis for what is not known yet."""

    def say(found: re.Match[str]) -> str:
        value = numbers.get(found[1], math.nan)
        return percent(value) if found[2] else number(value)

    return PLACE.sub(say, text)


def number(value: float) -> str:
    """Three significant digits, a true minus sign; an ellipsis for NaN."""
    if not math.isfinite(value):
        return "…"
    if float(value).is_integer() and abs(value) < 1e6:
        return f"{int(value):,}".replace("-", "−")
    if not 1e-4 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa} · 10{str(int(exponent)).translate(_RAISED)}".replace("-", "−")
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".replace("-", "−")


def percent(value: float) -> str:
    """A share as a percentage."""
    return f"{100 * value:.1f} %".replace("-", "−") if math.isfinite(value) else "…"
