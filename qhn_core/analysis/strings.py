"""What a distribution over bitstrings looks like: marginals of the bits, and its most probable strings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.bitstrings import from_index, unique
from qhn_core.checks import check_int
from qhn_core.errors import InvalidArgument


class TopStrings(NamedTuple):
    """The most probable strings, most probable first."""

    bits: NDArray[np.uint8]  #: (K, N)
    probability: NDArray[np.float64]  #: (K,); for drawn strings the share of draws


def marginals(q: ArrayLike) -> NDArray[np.float64]:
    """P(bit_i = 1) under q, (2**N,) or (B, 2**N) -> (N,) or (B, N); wire 0 first."""
    table = np.asarray(q, dtype=np.float64)
    n_bits = table.shape[-1].bit_length() - 1
    if table.ndim not in (1, 2) or table.shape[-1] != 1 << n_bits:
        raise InvalidArgument("q", expected="shape (2**N,) or (replicas, 2**N)", got=f"shape {table.shape}")
    rows, ones = np.atleast_2d(table), []
    for _ in range(n_bits):
        # The leading bit splits each row in two halves; what follows depends only on their sum.
        halves = rows.reshape(rows.shape[0], 2, -1)
        ones.append(halves[:, 1].sum(axis=1))
        rows = halves.sum(axis=1)
    return np.stack(ones, axis=-1).reshape(*table.shape[:-1], n_bits)


def marginals_of_draws(bits: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of ones of every bit in drawn strings: (S, N) or (B, S, N) -> (N,) or (B, N)."""
    return np.asarray(bits).mean(axis=-2, dtype=np.float64)


def top_strings(q: ArrayLike, *, count: int = 10) -> TopStrings:
    """The ``count`` most probable strings of q (2**N,); equal ones in index order."""
    table = np.asarray(q, dtype=np.float64)
    n_bits = table.size.bit_length() - 1
    if table.ndim != 1 or table.size != 1 << n_bits:
        raise InvalidArgument("q", expected="shape (2**N,)", got=f"shape {table.shape}")
    count = min(check_int("count", count, low=1), table.size)
    near = np.argpartition(-table, count - 1)[:count] if count < table.size else np.arange(table.size)
    # argpartition breaks ties at the edge as it likes: take every string that ties with the last one
    near = np.flatnonzero(table >= table[near].min())
    order = near[np.lexsort((near, -table[near]))][:count]
    return TopStrings(from_index(order, n_bits), table[order])


def top_draws(bits: NDArray[np.uint8], *, count: int = 10) -> TopStrings:
    """The ``count`` most frequent strings among draws (S, N); equal ones in index order."""
    drawn = np.asarray(bits)
    if drawn.ndim != 2 or not len(drawn):
        raise InvalidArgument("bits", expected="shape (strings, N), at least one", got=f"shape {drawn.shape}")
    found = unique(drawn)
    order = np.argsort(-found.counts, kind="stable")[: check_int("count", count, low=1)]
    return TopStrings(found.bits[order], found.counts[order] / len(drawn))
