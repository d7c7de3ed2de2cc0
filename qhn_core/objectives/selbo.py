"""Surrogate ELBO: L = Σ_w q(w) ℓ(w) + λ n MMD²_k(q, π) (arXiv:2506.05888).

It needs only samples of q, and bounds nothing. Frozen diagonal: g(w) = ℓ(w) + 2 λ n [K(q − π)](w). From shots,
[K q](w) is the mean of k(w, v) over an independent inner batch, and [K π](w) has a closed form for a
product-Bernoulli prior, so that the prior is never sampled.
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field, field_validator

from qhn_core.bitstrings import Bits
from qhn_core.compiled import compiled
from qhn_core.compiled.rows import RowLoss
from qhn_core.errors import InvalidArgument
from qhn_core.kernels import HammingKernel, kernel_of
from qhn_core.objectives.base import OBJECTIVES, Array, Exact, ObjectiveConfig, Sampled
from qhn_core.objectives.tables import exact_of, table_of
from qhn_core.problems.problem import Problem
from qhn_core.schedules import Scheduled, check_range, value_at

Gamma: TypeAlias = float | tuple[float, ...] | Literal["auto"]


def check_gamma(gamma: Gamma) -> Gamma:
    """γ, or several, each above 0 and at most 50, or ``auto``; raises InvalidArgument."""
    if isinstance(gamma, str):
        return gamma
    values = gamma if isinstance(gamma, tuple) else (gamma,)
    if not 1 <= len(values) <= 16 or not all(0.0 < g <= 50.0 for g in values):
        raise InvalidArgument(
            "gamma", expected="one to 16 numbers above 0 and at most 50", got=gamma, remedy="0.7 is a usual choice."
        )
    return gamma


@OBJECTIVES.register
class SELBO(ObjectiveConfig):
    """Expected NLL plus λ n MMD² between q and the prior: a surrogate of the ELBO that shots alone can train."""

    label: ClassVar[str] = "Surrogate ELBO (SELBO)"
    name: Literal["selbo"] = "selbo"
    short: ClassVar[str] = "SELBO"
    colour: ClassVar[str] = "#009E73"
    terms: ClassVar[dict[str, str]] = {"nll": "fit", "mmd": "λ·MMD²"}
    weight: ClassVar[str] = "lam"
    polynomial: ClassVar[bool] = True
    needs_inner: ClassVar[bool] = True

    lam: Scheduled = Field(
        0.3,
        title="λ",
        description="How strongly the circuit is held near the prior: the weight λ ≥ 0 of n MMD²(q, π), or a schedule",
    )
    gamma: Gamma = Field(
        0.7,
        description="How sharply strings are told apart: γ of the kernel exp(−γ · Hamming distance), several, or auto: "
        ".7, less beyond 13 bits",
    )

    @field_validator("lam")
    @classmethod
    def _bounded(cls, lam: Scheduled) -> Scheduled:
        return check_range("lam", lam, low=0.0, high=1000.0)

    @field_validator("gamma")
    @classmethod
    def _positive(cls, gamma: Gamma) -> Gamma:
        return check_gamma(gamma)

    def kernel_on(self, n_bits: int) -> HammingKernel:
        """The kernel of the MMD on strings of ``n_bits``."""
        return kernel_of(self.gamma, n_bits)

    def exact(self, q: Array, problem: Problem, step: int = 0) -> Exact:
        """Value, terms ``nll`` = Σ q ℓ and ``mmd`` = λ n MMD²(q, π), and g = ℓ + 2 λ n K(q − π)."""
        return exact_of(self.by_rows(problem), q, problem, step)

    def by_rows(self, problem: Problem) -> RowLoss:
        """Σ q ℓ + λ n MMD²(q, π)."""
        table = table_of(problem)
        eigenvalues = self.kernel_on(problem.n_bits).normalised_eigenvalues(problem.n_bits)
        return RowLoss(
            compiled().selbo_rows,
            table.rows,
            table.prior_probs,
            eigenvalues,
            lambda step: value_at(self.lam, step) * problem.n_train,
            penalty="mmd",
        )

    def of_counts(self, counts: Array, shots: int, problem: Problem, step: int, mmd2: Array) -> Array:
        """Mean ℓ of the drawn strings plus λ n times their unbiased MMD²."""
        return counts @ table_of(problem).rows[0] / shots + value_at(self.lam, step) * problem.n_train * mmd2

    def diagonal_at(
        self,
        bits: Bits,
        problem: Problem,
        step: int = 0,
        *,
        inner: Bits | None = None,
        log_q: Array | None = None,
    ) -> Array:
        """ℓ(w) + 2 λ n [mean of k(w, v) over ``inner`` − μ_π(w)], (B, S); unbiased if ``inner`` is independent."""
        if inner is None:
            raise InvalidArgument("inner", expected="a batch drawn independently of bits", got=inner)
        kernel, weight = self.kernel_on(problem.n_bits), value_at(self.lam, step) * problem.n_train
        seen = np.stack([kernel.empirical_embedding(b, i) for b, i in zip(bits, inner, strict=True)])
        expected = kernel.mean_embedding(bits, problem.prior.rates(problem.n_bits))
        return problem.nll_at(bits) + 2.0 * weight * (seen - expected)

    def sampled(self, bits: Bits, problem: Problem, step: int = 0, *, log_q: Array | None = None) -> Sampled:
        """Mean ℓ plus λ n times the unbiased MMD² of the drawn strings, which may be negative."""
        nll = problem.nll_at(bits).mean(axis=-1)
        weight = value_at(self.lam, step) * problem.n_train
        mmd = weight * self.kernel_on(problem.n_bits).mmd2_unbiased(bits, problem.prior.rates(problem.n_bits))
        return Sampled(nll + mmd, {"nll": nll, "mmd": mmd})
