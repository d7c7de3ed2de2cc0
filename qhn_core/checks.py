"""Argument checks that raise :class:`~qhn_core.errors.InvalidArgument` with argument, expected, got and remedy."""

from __future__ import annotations

import math
from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.errors import InvalidArgument, UnknownName


def check_choice(argument: str, value: object, choices: Iterable[str], *, remedy: str = "") -> str:
    """``value`` if it is one of ``choices``; otherwise :class:`UnknownName` listing them and the nearest."""
    names = sorted(choices)
    if isinstance(value, str) and value in names:
        return value
    near = get_close_matches(str(value), names, n=1)
    hint = remedy or (f"Did you mean '{near[0]}'?" if near else "")
    raise UnknownName(argument, expected=f"one of {', '.join(names)}", got=value, remedy=hint)


def check_int(argument: str, value: object, *, low: int, high: int | None = None, remedy: str = "") -> int:
    """``value`` as an int within ``[low, high]``; booleans and floats with a fraction are refused."""
    bounds = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    is_whole = not isinstance(value, bool) and isinstance(value, (int, np.integer))
    if not is_whole or value < low or (high is not None and value > high):  # type: ignore[operator]
        raise InvalidArgument(argument, expected=bounds, got=value, remedy=remedy)
    return int(value)  # type: ignore[call-overload]


def check_real(argument: str, value: object, *, remedy: str = "") -> float:
    """``value``, one finite real number, as a float; booleans, text and complex numbers are refused."""
    if type(value) is float and math.isfinite(value):  # the usual one: a circuit has two of them a gate
        return value
    try:
        wrong = isinstance(value, (bool, np.bool_, str, bytes)) or np.iscomplexobj(value) or np.ndim(value)  # type: ignore[arg-type]
        number = math.nan if wrong else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidArgument(argument, expected="a finite real number", got=value, remedy=remedy)
    return number


def check_finite(argument: str, value: ArrayLike, *, remedy: str = "") -> NDArray[np.float64]:
    """``value`` as a C-ordered float64 array without NaN or infinity."""
    try:
        array = np.ascontiguousarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidArgument(argument, expected="an array of real numbers", got=value, remedy=remedy) from None
    if not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise InvalidArgument(argument, expected="finite numbers", got=f"{bad} NaN or infinite", remedy=remedy)
    return array.reshape(np.shape(value))


def check_shape(argument: str, array: NDArray, shape: tuple[int | None, ...], *, remedy: str = "") -> NDArray:
    """``array`` if its shape matches ``shape``, in which None stands for any size."""
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
        raise InvalidArgument(
            argument, expected=f"an array of shape {wanted}", got=f"shape {array.shape}", remedy=remedy
        )
    return array


def check_angles(theta: ArrayLike, n_params: int) -> NDArray[np.float64]:
    """Circuit angles in radians, shape (P,) or (B, P), finite, as float64."""
    array = check_finite("theta", theta)
    if array.ndim not in (1, 2) or array.shape[-1] != n_params:
        raise InvalidArgument(
            "theta",
            expected=f"shape ({n_params},) or (replicas, {n_params})",
            got=f"shape {array.shape}",
            remedy="Take initial angles from qhn_core.initial_angles(circuit, replicas=…).",
        )
    return array


def check_bits(argument: str, bits: ArrayLike, n_bits: int) -> NDArray[np.uint8]:
    """Bitstrings of shape (S, n_bits), entries 0 or 1, as uint8."""
    array = np.asarray(bits)
    if array.ndim != 2 or array.shape[1] != n_bits:
        raise InvalidArgument(argument, expected=f"shape (strings, {n_bits})", got=f"shape {array.shape}")
    other = (array != 0) & (array != 1)
    if other.any():
        raise InvalidArgument(argument, expected="entries 0 and 1", got=array[other][:3])
    return np.ascontiguousarray(array, dtype=np.uint8)


def readable(size: int) -> str:
    """A number of bytes for people: ``readable(2_500_000) == '2.5 MB'``."""
    if size >> 80:
        return "more than any machine's memory"
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} PB"
