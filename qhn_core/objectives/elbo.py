"""Evidence lower bound, negated: L = Σ_w q(w) [ℓ(w) + β (log q(w) − log π(w))] (arXiv:2506.05888).

At β = 1, −L ≤ log Z and log Z + L = KL(q ‖ p(w|D)). The frozen diagonal is g = ℓ + β(log q − log π): the derivative of
log q drops out since Σ_w ∂q(w) = 0. It holds log q(w), so q has to be explicit; a device offers only shots.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from qhn_core.bitstrings import Bits
from qhn_core.compiled import compiled
from qhn_core.compiled.rows import RowLoss
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.objectives.base import OBJECTIVES, Array, Exact, ObjectiveConfig, Sampled
from qhn_core.objectives.tables import NO_EIGENVALUES, exact_of, table_of
from qhn_core.problems.problem import Problem
from qhn_core.schedules import Scheduled, check_range, value_at


@OBJECTIVES.register
class ELBO(ObjectiveConfig):
    """Expected NLL plus β times KL(q‖π): a variational bound on the evidence at β = 1, a tempered one elsewhere."""

    label: ClassVar[str] = "Evidence lower bound (ELBO)"
    name: Literal["elbo"] = "elbo"
    short: ClassVar[str] = "ELBO"
    colour: ClassVar[str] = "#0072B2"
    terms: ClassVar[dict[str, str]] = {"nll": "fit", "kl": "β·KL"}
    weight: ClassVar[str] = "beta"
    stand_in: ClassVar[str] = "selbo"
    needs_log_q: ClassVar[bool] = True

    beta: Scheduled = Field(
        1.0,
        title="β",
        description="How strongly the circuit is held near the prior: the weight β ≥ 0 of KL(q‖π), or a schedule; "
        "1 is the bound itself",
    )

    @field_validator("beta")
    @classmethod
    def _bounded(cls, beta: Scheduled) -> Scheduled:
        return check_range("beta", beta, low=0.0, high=1000.0)

    @property
    def bounds_evidence(self) -> bool:
        """At β = 1."""
        return self.beta == 1.0

    def exact(self, q: Array, problem: Problem, step: int = 0) -> Exact:
        """Value, terms ``nll`` = Σ q ℓ and ``kl`` = β KL(q‖π), and g = ℓ + β(log q − log π)."""
        return exact_of(self.by_rows(problem), q, problem, step)

    def by_rows(self, problem: Problem) -> RowLoss:
        """Σ q ℓ + β KL(q‖π)."""
        table, beta = table_of(problem), partial(value_at, self.beta)
        return RowLoss(compiled().elbo_rows, table.rows, table.log_prior, NO_EIGENVALUES, beta, penalty="kl")

    def diagonal_at(
        self,
        bits: Bits,
        problem: Problem,
        step: int = 0,
        *,
        inner: Bits | None = None,
        log_q: Array | None = None,
    ) -> Array:
        """ℓ + β(log q − log π) of drawn strings whose log q (B, S) is known; refused without it."""
        beta = value_at(self.beta, step)
        return problem.nll_at(bits) + beta * self._log_ratio(bits, problem, log_q)

    def sampled(self, bits: Bits, problem: Problem, step: int = 0, *, log_q: Array | None = None) -> Sampled:
        """Means over drawn strings whose log q (B, S) is known; refused without it."""
        nll = problem.nll_at(bits).mean(axis=-1)
        kl = value_at(self.beta, step) * self._log_ratio(bits, problem, log_q).mean(axis=-1)
        return Sampled(nll + kl, {"nll": nll, "kl": kl})

    def _log_ratio(self, bits: Bits, problem: Problem, log_q: Array | None) -> Array:
        if log_q is None:
            raise Unsupported(NEEDS_EXPLICIT_Q)
        if log_q.shape != bits.shape[:-1]:
            raise InvalidArgument("log_q", expected=f"shape {bits.shape[:-1]}", got=f"shape {log_q.shape}")
        return log_q - problem.prior.log_prob(bits)


#: Why the ELBO cannot be trained from shots.
NEEDS_EXPLICIT_Q = (
    "The ELBO needs an explicit distribution: its diagonal holds log q(w), and shots only draw from q, they never "
    "tell its value (an implicit distribution). Use SELBO or KSD with this estimator, or train the ELBO with the "
    "exact 'adjoint' estimator, or in simulation with 'score_function', where q(w) of a drawn string is known."
)
