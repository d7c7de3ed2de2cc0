"""What the objectives share: tables kept per problem, and lookups on drawn strings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.kernels import pack, unpack
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Smallest probability whose logarithm is taken; below it 0 · log 0 = 0 by clamping.
SMALLEST = float(np.finfo(np.float64).tiny)

_kept: WeakKeyDictionary[Any, dict[Hashable, Any]] = WeakKeyDictionary()
_lock = threading.Lock()


def remember(problem: Problem, key: Hashable, make: Callable[[], Any]) -> Any:
    """``make()``, computed once per problem and key, and dropped together with the problem."""
    entry = _kept.get(problem)
    if entry is not None and key in entry:
        return entry[key]
    made = make()
    with _lock:
        return _kept.setdefault(problem, {}).setdefault(key, made)


def nll_rows(problem: Problem) -> Array:
    """ℓ of all strings as (1, 2^N), or (B, 2^N) where every replica has its own data."""
    table = getattr(problem, "nll", None)
    if table is None:
        raise Unsupported(
            f"The exact objective needs the table of all 2^{problem.n_bits} likelihoods, and this problem has none. "
            "Use a sampled estimator: score_function or spsa."
        )
    return np.ascontiguousarray(table if table.ndim == 2 else table[None], dtype=np.float64)


def probability_rows(q: Array, problem: Problem) -> Array:
    """q as C-ordered float64 rows (B, 2^N)."""
    rows = np.ascontiguousarray(q, dtype=np.float64)
    size = 1 << problem.n_bits
    if rows.ndim != 2 or rows.shape[1] != size:
        raise InvalidArgument("q", expected=f"shape (replicas, {size})", got=f"shape {rows.shape}")
    return rows


def prior_table(problem: Problem) -> Array:
    """π of all strings, (2^N,)."""
    return remember(problem, "prior", lambda: np.exp(problem.log_prior))


def nll_at_index(problem: Problem, index: NDArray[np.int64]) -> Array:
    """ℓ of packed strings, nats: (B, …) -> (B, …); a replica's own table where there is one for each."""
    table = getattr(problem, "nll", None)
    if table is None:
        return problem.nll_at(unpack(index, problem.n_bits))
    if table.ndim == 1:
        return table[index]
    rows = np.arange(index.shape[0]).reshape((-1,) + (1,) * (index.ndim - 1))
    return table[rows, index]


def nll_of(problem: Problem, bits: NDArray[np.uint8]) -> Array:
    """ℓ of drawn strings, nats: (B, S, N) -> (B, S)."""
    return nll_at_index(problem, pack(bits))
