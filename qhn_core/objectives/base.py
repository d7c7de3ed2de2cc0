"""What every objective offers: exact value and diagonal, and the same on drawn strings where it can."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import Bits
from qhn_core.compiled.rows import RowLoss
from qhn_core.engines.base import LOG_Q, SAMPLES
from qhn_core.problems.problem import Problem
from qhn_core.registry import Registry, VariantConfig

Array = NDArray[np.float64]


class Exact(NamedTuple):
    """Value, terms and frozen diagonal of an objective, at exact probabilities."""

    value: Array  #: the minimised objective, nats (not ÷ n), (B,)
    terms: dict[str, Array]  #: its terms, each (B,); they add up to the value
    diagonal: Array  #: g(w), (B, 2**N)


class Sampled(NamedTuple):
    """Unbiased estimates of value and terms from drawn strings."""

    value: Array  #: (B,)
    terms: dict[str, Array]  #: each (B,)


class ObjectiveConfig(VariantConfig):
    """Base of all objectives. All are minimised, and ∂_θ value = ∂_θ Σ_w q(w) g(w) with g frozen."""

    #: What plots and tables call it; its colour everywhere, apart from all others'.
    short: ClassVar[str]
    colour: ClassVar[str]
    #: Name of each term -> what plots call it.
    terms: ClassVar[Mapping[str, str]]
    #: Unit of the loss per example, for axes.
    unit: ClassVar[str] = "nats per example"
    #: The field that weighs the second term; empty for a loss without one.
    weight: ClassVar[str] = ""
    #: A loss that shots alone can train and that is meant in its place; empty where there is none.
    stand_in: ClassVar[str] = ""
    #: Whether value is linear or quadratic in q, so that :meth:`of_counts` has no bias.
    polynomial: ClassVar[bool] = False
    #: Whether the diagonal on drawn strings needs an independent inner batch (it holds an expectation over q).
    needs_inner: ClassVar[bool] = False
    #: Whether the diagonal on drawn strings needs log q of them (the ELBO).
    needs_log_q: ClassVar[bool] = False

    @property
    def needs(self) -> frozenset[str]:
        """The least that an engine has to provide: samples, or log q of them too."""
        return frozenset({LOG_Q if self.needs_log_q else SAMPLES})

    @property
    def title(self) -> str:
        """Short name with its weight: ``ELBO β=0.3``, ``SELBO λ=0→1``."""
        if not self.weight:
            return self.short
        value, symbol = getattr(self, self.weight), type(self).model_fields[self.weight].title or self.weight
        if isinstance(value, (int, float)):
            return f"{self.short} {symbol}={value:g}"
        return f"{self.short} {symbol}={value.start:g}→{value.end:g}"

    @property
    def bounds_evidence(self) -> bool:
        """Whether −log Z is a lower limit of it at every step: so for the ELBO at β = 1 alone."""
        return False

    def of_counts(self, counts: Array, shots: int, problem: Problem, step: int, mmd2: Array) -> Array:
        """Value as estimated from counts of S drawn strings; without bias where :attr:`polynomial`, else by plug-in.

        Args:
            counts: how often each string was drawn, (R, 2**N).
            shots: S ≥ 2.
            mmd2: unbiased MMD²(q, π) of each row with the loss's kernel, (R,).

        Returns:
            Nats (not ÷ n), (R,).
        """
        return self.exact(counts / shots, problem, step).value

    def by_rows(self, problem: Problem) -> RowLoss | None:
        """The loss on all strings as a compiled kernel, or None where it is not of that form."""
        return None

    @abstractmethod
    def exact(self, q: Array, problem: Problem, step: int = 0) -> Exact:
        """Value (B,), terms and diagonal (B, 2**N) at q (B, 2**N), with schedules taken at ``step``."""

    @abstractmethod
    def diagonal_at(
        self,
        bits: Bits,
        problem: Problem,
        step: int = 0,
        *,
        inner: Bits | None = None,
        log_q: Array | None = None,
    ) -> Array:
        """g on drawn strings: bits (B, S, N) -> (B, S). ``inner`` (B, M, N) is independent of ``bits``."""

    @abstractmethod
    def sampled(self, bits: Bits, problem: Problem, step: int = 0, *, log_q: Array | None = None) -> Sampled:
        """Unbiased estimate of value and terms from bits (B, S, N) drawn from q."""


OBJECTIVES: Registry[ObjectiveConfig] = Registry("objective", ObjectiveConfig)
