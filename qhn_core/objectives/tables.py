"""What the objectives share: likelihoods and probabilities of all strings, as rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import InvalidArgument
from qhn_core.problems.problem import Problem
from qhn_core.problems.table import LikelihoodTable

Array = NDArray[np.float64]
#: Smallest probability whose logarithm is taken; below it 0 · log 0 = 0 by clamping.
SMALLEST = float(np.finfo(np.float64).tiny)


def table_of(problem: Problem) -> LikelihoodTable:
    """The table of all likelihoods that an exact objective needs; Unsupported where there is none."""
    return problem.need_table("The exact objective")


def probability_rows(q: Array, problem: Problem) -> Array:
    """q as C-ordered float64 rows (B, 2^N)."""
    rows = np.ascontiguousarray(q, dtype=np.float64)
    size = 1 << problem.n_bits
    if rows.ndim != 2 or rows.shape[1] != size:
        raise InvalidArgument("q", expected=f"shape (replicas, {size})", got=f"shape {rows.shape}")
    return rows
