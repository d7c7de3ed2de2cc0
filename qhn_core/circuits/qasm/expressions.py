"""Angles of OpenQASM 2: parsed to reverse Polish notation, evaluated on a stack within the reals."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence

from qhn_core.circuits.qasm.tokens import Words, wrong
from qhn_core.errors import shorten

#: Most brackets, signs and powers inside each other.
MAX_NESTING = 64
#: A number, the place of one of the gate's own angles, or what to do with the numbers before it.
Step = float | int | str
#: In reverse Polish notation.
Expression = tuple[Step, ...]

_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "exp": math.exp, "ln": math.log, "sqrt": math.sqrt,
    "asin": math.asin, "acos": math.acos, "atan": math.atan, "negative": operator.neg,
}  # fmt: skip
_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "^": math.pow,
}  # fmt: skip
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}
_SIGN_BINDS = 3


def parse_expression(words: Words, names: Mapping[str, int]) -> Expression:
    """The expression that comes next; ``names`` gives the gate's own angles their places. Without any: one number."""
    line = words.next.line
    steps: list[Step] = []
    _binary(words, names, steps, 0, 0)
    if any(isinstance(step, int) for step in steps):
        return tuple(steps)
    return (evaluate(steps, (), line),)


def evaluate(steps: Sequence[Step], angles: Sequence[float], line: int) -> float:
    """The expression's value with the gate's own ``angles``; what is no finite number is refused, naming ``line``."""
    stack: list[float] = []
    for step in steps:
        if isinstance(step, float):
            stack.append(step)
        elif isinstance(step, int):
            stack.append(angles[step])
        else:
            _apply(step, stack, line)
    return stack[0]


def _apply(step: str, stack: list[float], line: int) -> None:
    right = stack.pop()
    left = stack.pop() if step in _OPERATORS else math.nan
    what = f"{left:g} {step} {right:g}" if step in _OPERATORS else f"{step}({right:g})"
    try:
        value = _OPERATORS[step](left, right) if step in _OPERATORS else _FUNCTIONS[step](right)
    except ZeroDivisionError:
        wrong(line, "an angle", f"{what}, a division by zero")
    except ValueError:
        wrong(line, "an angle", f"{what}, which is no real number")
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        wrong(line, "an angle", f"{what}, which is too large")
    stack.append(value)


def _binary(words: Words, names: Mapping[str, int], steps: list[Step], binds: int, depth: int) -> None:
    """Operands joined by operators that bind more tightly than ``binds``; powers from the right."""
    _operand(words, names, steps, depth + 1)
    while words.next.text in _BINDS and _BINDS[words.next.text] > binds:
        sign = words.take().text
        _binary(words, names, steps, _BINDS[sign] - (sign == "^"), depth + 1)
        steps.append(sign)


def _operand(words: Words, names: Mapping[str, int], steps: list[Step], depth: int) -> None:
    if depth > MAX_NESTING:
        wrong(words.next.line, f"expressions at most {MAX_NESTING} deep", "a deeper one")
    word = words.take()
    if word.kind in ("real", "integer"):
        steps.append(_number(word.text, word.line))
    elif word.text in names:
        steps.append(names[word.text])
    elif word.text == "pi":
        steps.append(math.pi)
    elif word.text in ("-", "+"):
        _binary(words, names, steps, _SIGN_BINDS, depth + 1)
        steps += ["negative"] if word.text == "-" else []
    elif word.text == "(" or (word.text in _FUNCTIONS and word.text != "negative"):
        if word.text != "(":
            words.expect("(", f"after {word.text}")
        _binary(words, names, steps, 0, depth + 1)
        words.expect(")", "at the end of the expression")
        steps += [word.text] if word.text != "(" else []
    else:
        wrong(word.line, "an angle", f"'{shorten(word.text)}'", remedy="Known are numbers, pi and a gate's own angles.")


def _number(text: str, line: int) -> float:
    value = float(text)
    if not math.isfinite(value):
        wrong(line, "an angle", f"{shorten(text, 20)}, which is too large")
    return value
