"""Maximum likelihood: L = Σ_w q(w) ℓ(w), with g = ℓ (Carrasquilla et al., arXiv:2301.08292)."""

from __future__ import annotations

from typing import ClassVar, Literal

from qhn_core.bitstrings import Bits
from qhn_core.compiled import compiled
from qhn_core.compiled.rows import RowLoss
from qhn_core.objectives.base import OBJECTIVES, Array, Exact, ObjectiveConfig, Sampled
from qhn_core.objectives.tables import NO_EIGENVALUES, exact_of, table_of
from qhn_core.problems.problem import Problem


@OBJECTIVES.register
class MLE(ObjectiveConfig):
    """Expected negative log-likelihood of the drawn networks; nothing keeps q from collapsing to one string."""

    label: ClassVar[str] = "Maximum likelihood (MLE)"
    name: Literal["mle"] = "mle"
    short: ClassVar[str] = "MLE"
    colour: ClassVar[str] = "#D55E00"
    terms: ClassVar[dict[str, str]] = {"nll": "fit"}
    polynomial: ClassVar[bool] = True

    def exact(self, q: Array, problem: Problem, step: int = 0) -> Exact:
        """Value Σ q ℓ, its only term ``nll``, and g = ℓ."""
        return exact_of(self.by_rows(problem), q, problem, step)

    def by_rows(self, problem: Problem) -> RowLoss:
        """Σ q ℓ alone."""
        table = table_of(problem)
        return RowLoss(compiled().mle_rows, table.rows, table.log_prior, NO_EIGENVALUES, lambda step: 0.0)

    def of_counts(self, counts: Array, shots: int, problem: Problem, step: int, mmd2: Array) -> Array:
        """Mean ℓ of the drawn strings."""
        return counts @ table_of(problem).rows[0] / shots

    def diagonal_at(
        self,
        bits: Bits,
        problem: Problem,
        step: int = 0,
        *,
        inner: Bits | None = None,
        log_q: Array | None = None,
    ) -> Array:
        """ℓ of the drawn strings, (B, S)."""
        return problem.nll_at(bits)

    def sampled(self, bits: Bits, problem: Problem, step: int = 0, *, log_q: Array | None = None) -> Sampled:
        """Mean of ℓ over the drawn strings."""
        value = problem.nll_at(bits).mean(axis=-1)
        return Sampled(value, {"nll": value})
