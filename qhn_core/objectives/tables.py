"""What the objectives share: likelihoods and probabilities of all strings, as rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.compiled.rows import RowLoss
from qhn_core.errors import InvalidArgument
from qhn_core.objectives.base import Exact
from qhn_core.problems.problem import Problem
from qhn_core.problems.table import LikelihoodTable

Array = NDArray[np.float64]
#: The eigenvalues of a loss without a kernel.
NO_EIGENVALUES = np.zeros(0)


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


def exact_of(loss: RowLoss, q: Array, problem: Problem, step: int) -> Exact:
    """Value, terms and frozen diagonal of a loss on all strings, at q (B, 2^N)."""
    rows = probability_rows(q, problem)
    fit, penalty, diagonal = np.empty(len(rows)), np.empty(len(rows)), np.empty_like(rows)
    weight = loss.weight(step)
    loss.kernel(rows, loss.table, loss.held_to, loss.eigenvalues, weight, diagonal, fit, penalty)
    return Exact(*terms_of(loss, fit, penalty, weight), diagonal)


def terms_of(loss: RowLoss, fit: Array, penalty: Array, weight: Array | float) -> tuple[Array, dict[str, Array]]:
    """Value and terms from the first term and the penalty without its weight, arrays of one shape."""
    if not loss.penalty:
        return fit, {loss.fit: fit}
    weighted = penalty * weight
    return fit + weighted, {loss.fit: fit, loss.penalty: weighted}
