"""Reading a stranger's costs: a NumPy vector, a JSON list, or text, with or without the string of each cost."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.datasets.costs.places import by_string
from qhn_core.datasets.costs.text import costs_in_text
from qhn_core.datasets.table.text import text_encoding
from qhn_core.errors import DataError, shorten
from qhn_core.uploads import check_size


class ReadCosts(NamedTuple):
    """Costs in index order (wire 0 most significant), and how the file was read, for people."""

    costs: NDArray[np.float64]
    how: str


def parse_costs(data: bytes, suffix: str) -> ReadCosts:
    """The costs in a file's content, and how it was read.

    Args:
        data: content of a .npy file (one vector), a .json file (a list, or an object of bitstrings), or of a text:
            numbers in one line or one column, or an index or a bitstring (wire 0 first) and the cost in each line,
            perhaps under their names and among other columns.
        suffix: of the file.

    Raises:
        DataError: the content is none of these; names line and remedy.
    """
    check_size(len(data))
    if not data.strip():
        raise DataError("file", expected="2^N costs", got="an empty file", remedy="Save the table again.")
    if suffix == ".npy":
        return ReadCosts(check_costs(_from_npy(data)), "a NumPy vector")
    codec, _ = text_encoding(data)
    text = data.decode(codec)
    read = _from_json(text) if suffix == ".json" else ReadCosts(*costs_in_text(text))
    return ReadCosts(check_costs(read.costs), read.how)


def check_costs(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """A vector of 2**N finite costs, 1 ≤ N ≤ 20; otherwise :class:`DataError` with the nearest lengths."""
    bad = np.flatnonzero(~np.isfinite(check_length(costs)))
    if len(bad):
        raise DataError(
            "costs",
            expected="finite costs",
            got=f"{costs[bad[0]]} at index {bad[0]}",
            remedy="Use a large finite cost for forbidden strings.",
        )
    return np.ascontiguousarray(costs, dtype=np.float64)


def check_length(costs: NDArray) -> NDArray:
    """``costs`` if it is one vector of 2**N, 1 ≤ N ≤ 20; otherwise :class:`DataError` with the nearest lengths."""
    if costs.ndim != 1:
        raise DataError(
            "costs", expected="one vector", got=f"shape {costs.shape}", remedy="Save one number per bitstring."
        )
    size = costs.size
    n_bits = max(1, size.bit_length() - 1)
    if size < 2 or size != 2**n_bits:
        near = f"{2**n_bits} or {2 ** (n_bits + 1)}" if size > 2 else "2"
        raise DataError(
            "costs",
            expected="2^N costs, one for each bitstring",
            got=f"{size} of them",
            remedy=f"No power of two; the nearest are {near}. Pad with a large cost, or cut.",
        )
    if n_bits > MAX_TABULATED:
        raise DataError("costs", expected=f"at most 2^{MAX_TABULATED} costs", got=f"2^{n_bits}")
    return costs


def _from_npy(data: bytes) -> NDArray[np.float64]:
    remedy = "Save a float array with numpy.save(…, allow_pickle=False)."
    try:
        array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # a hostile header can fail in many ways
        raise DataError("file", expected="a NumPy array of numbers", got=str(error), remedy=remedy) from None
    if array.dtype.kind not in "fiub":
        raise DataError("file", expected="a NumPy array of real numbers", got=str(array.dtype), remedy=remedy)
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()
    return check_length(array).astype(np.float64)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, refused where a key stands in it twice."""
    held = dict(pairs)
    if len(held) < len(pairs):
        repeated = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise DataError(
            "file",
            expected="each bitstring once",
            got=f"'{shorten(repeated, 40)}' more than once",
            remedy="Leave one cost for each string.",
        )
    return held


def _from_json(text: str) -> ReadCosts:
    if text.count(",") >= 2 << MAX_TABULATED:
        raise DataError("costs", expected=f"at most 2^{MAX_TABULATED} costs", got="more", remedy="Cut the list.")
    try:
        values = json.loads(text, object_pairs_hook=_each_key_once)
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataError("file", expected="a JSON list of numbers", got=str(error)) from None
    held = list(values.values()) if isinstance(values, dict) else values
    if isinstance(held, list) and held and all(type(v) in (int, float) for v in held):
        with contextlib.suppress(OverflowError):
            costs = np.array(held, dtype=np.float64)
            if isinstance(values, list):
                return ReadCosts(costs, "a JSON list")
            placed = by_string(list(values), costs)
            if placed is not None:
                return ReadCosts(placed, "a JSON object of bitstrings, wire 0 first")
    raise DataError(
        "file",
        expected="a JSON list of numbers, or an object with a number for every bitstring",
        got=values,
        remedy="Write [0.5, 1.0, …].",
    )
