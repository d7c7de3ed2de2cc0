"""What every prior over bitstrings offers."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.registry import Registry, VariantConfig


class PriorConfig(VariantConfig):
    """Base of all priors. All are product Bernoulli distributions (the closed forms of the MMD need that)."""

    @abstractmethod
    def rates(self, n_bits: int) -> NDArray[np.float64]:
        """ρ_i = P(bit_i = 1), shape (n_bits,), strictly between 0 and 1."""

    def log_prob(self, bits: ArrayLike) -> NDArray[np.float64]:
        """log π(w) in nats for bits (S, N): shape (S,)."""
        b = np.asarray(bits, dtype=np.float64)
        rho = self.rates(b.shape[-1])
        return b @ np.log(rho) + (1.0 - b) @ np.log1p(-rho)

    def log_table(self, n_bits: int) -> NDArray[np.float64]:
        """log π of all 2**n_bits strings in index order (wire 0 most significant)."""
        table = np.zeros(1)
        for rho in self.rates(n_bits):
            table = (table[:, None] + np.log([1.0 - rho, rho])[None, :]).ravel()
        return table


PRIORS: Registry[PriorConfig] = Registry("prior", PriorConfig)
