"""Who is in a film of predictions: single networks that can be followed from one step of training to the next.

A network drawn anew at each step would jump even where q stands still. So network k is w_k = F⁻¹(u_k), with F the
cumulative distribution of q over strings in the order of their numbers, and u_k the same at every step (common random
numbers): it changes only when q moves mass past it, and is drawn from q all the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.bitstrings import from_index
from qhn_core.checks import check_finite, check_int
from qhn_core.errors import InvalidArgument


def followed(q: ArrayLike, *, count: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Networks drawn from exact q (2**N,) with random numbers that depend on the seed alone: (count, N)."""
    table = check_finite("q", q)
    size = table.size
    if table.ndim != 1 or size < 2 or size & (size - 1) or (table < 0.0).any() or not table.sum() > 0.0:
        raise InvalidArgument("q", expected="probabilities of shape (2**N,)", got=f"shape {table.shape}")
    check_int("count", count, low=1)
    u = np.random.default_rng(seed).random(count)
    edges = np.cumsum(table)
    index = np.searchsorted(edges, u * edges[-1], side="right")
    last = int(np.flatnonzero(table)[-1])
    return from_index(np.minimum(index, last), size.bit_length() - 1)
