"""From figures with numpy arrays to plain lists that JSON can carry, small enough to be sent several times a second."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.palette import TOKENS

#: A Plotly figure as a mapping with ``data`` and ``layout``.
Figure = dict[str, Any]
_DIGITS = 5


def plain(value: Any) -> Any:
    """``value`` with arrays as lists, numbers of 5 significant digits, and None for NaN and infinities."""
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def to_json(value: Any) -> bytes:
    """What :func:`plain` gives, as JSON; several times as fast, as only what JSON does not know goes through Python."""
    import orjson

    return orjson.dumps(value, default=_other, option=orjson.OPT_NON_STR_KEYS)


def _other(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a figure cannot hold {type(value).__name__}")


def _array(array: NDArray[Any]) -> list[Any]:
    if array.dtype.kind != "f":
        return list(array.tolist())
    finite = np.isfinite(array)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.abs(array))))
        rounded = np.where(np.isfinite(scale) & (scale > 0), np.round(array * scale) / scale, array)
    rounded = np.where(finite & ~np.isfinite(rounded), array, rounded)
    if finite.all():
        return list(rounded.tolist())
    holes = rounded.astype(object)
    holes[~finite] = None
    return list(holes.tolist())


def resolve(figure: Mapping[str, Any], *, dark: bool = False) -> Figure:
    """The figure with its theme tokens replaced, for ``st.plotly_chart`` and for export."""
    tokens = TOKENS["dark" if dark else "light"]

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return tokens.get(value, value)
        if isinstance(value, Mapping):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(item) for item in value]
        return value

    out: Figure = walk(figure)
    return out


def thin(values: NDArray[np.float64], limit: int = 300) -> NDArray[np.intp]:
    """Indices of at most ``limit`` points of a long curve that keep its first, last, lowest and highest points.

    Args:
        values: the curve, (T,); NaN are passed over.
        limit: largest number of indices, at least 4.

    Returns:
        Increasing indices: all of them where T ≤ ``limit``, otherwise the minimum and the maximum of each of
        ``limit``/2 − 1 equal stretches, and the two ends.
    """
    total = len(values)
    if total <= limit:
        return np.arange(total)
    edges = np.linspace(0, total, max(1, limit // 2 - 1) + 1).astype(int)
    keep = [0, total - 1]
    for low, high in pairwise(edges):
        part = values[low:high]
        if np.isnan(part).all():
            keep.append(low)
        else:
            keep += [low + int(np.nanargmin(part)), low + int(np.nanargmax(part))]
    return np.unique(keep)
