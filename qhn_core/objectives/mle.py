"""Maximum likelihood: L = Σ_w q(w) ℓ(w), with g = ℓ (Carrasquilla et al., arXiv:2301.08292)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from qhn_core.kernels import compiled
from qhn_core.objectives.base import OBJECTIVES, Array, Exact, ObjectiveConfig, Sampled
from qhn_core.objectives.tables import nll_of, nll_rows, probability_rows
from qhn_core.problems.problem import Problem


@OBJECTIVES.register
class MLE(ObjectiveConfig):
    """Expected negative log-likelihood of the drawn networks; nothing keeps q from collapsing to one string."""

    label: ClassVar[str] = "Maximum likelihood (MLE)"
    name: Literal["mle"] = "mle"

    def exact(self, q: Array, problem: Problem, step: int = 0) -> Exact:
        """Value Σ q ℓ, its only term ``nll``, and g = ℓ."""
        rows = probability_rows(q, problem)
        value, diagonal = np.empty(rows.shape[0]), np.empty_like(rows)
        compiled().mle_rows(rows, nll_rows(problem), diagonal, value)
        return Exact(value, {"nll": value}, diagonal)

    def diagonal_at(
        self,
        bits: NDArray[np.uint8],
        problem: Problem,
        step: int = 0,
        *,
        inner: NDArray[np.uint8] | None = None,
        log_q: Array | None = None,
    ) -> Array:
        """ℓ of the drawn strings, (B, S)."""
        return nll_of(problem, bits)

    def estimate(
        self, bits: NDArray[np.uint8], problem: Problem, step: int = 0, *, log_q: Array | None = None
    ) -> Sampled:
        """Mean of ℓ over the drawn strings."""
        value = nll_of(problem, bits).mean(axis=-1)
        return Sampled(value, {"nll": value})
