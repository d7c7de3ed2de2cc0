"""Strings of even parity: far from uniform for KL, all but uniform for a kernel."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.analysis.spectrum import bandwidth_by_order
from qhn_core.config import RunConfig
from qhn_core.kernels import HammingKernel, walsh_hadamard
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Bars, Lines, Outcome, Series, Watch

_GAMMAS = np.geomspace(0.05, 8.0, 40)


@EXPERIMENTS.register
class Parity(ExperimentConfig):
    """q uniform on the strings of even parity: KL(q‖uniform) = log 2, MMD² = ((1 − e^{−γ})/2)^N.

    Only the parity of all N bits tells q from uniform, so that MMD² is the kernel's weight on order N.
    """

    label = "Parity"

    name: Literal["parity"] = "parity"
    bits: int = Field(13, ge=2, le=16, description="Number of bits N")
    gamma: float = Field(0.7, gt=0.0, le=8.0, description="Bandwidth γ of the kernel e^{−γH}")

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """KL, MMD² by transform and by formula, τ and the mean order Nτ that the kernel looks at."""
        return ("bits", "gamma", "kl", "mmd2", "formula", "log10_mmd2", "tau", "mean_order")

    def pictures(self) -> tuple[str, ...]:
        """What the kernel looks at by order, and MMD² against γ."""
        return ("orders", "gammas")

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Both distances, and the orders of parity that the kernel weighs."""
        size = 1 << self.bits
        even = np.bitwise_count(np.arange(size)) % 2 == 0
        q, uniform = np.where(even, 2.0 / size, 0.0), np.full(size, 1.0 / size)
        kernel = HammingKernel(self.gamma)
        tau = kernel.tau[0]
        mmd2 = float(np.ravel(kernel.mmd2(q, uniform))[0])
        kl = float((q[even] * np.log(q[even] / uniform[even])).sum())
        numbers = {
            "bits": float(self.bits),
            "gamma": self.gamma,
            "kl": kl,
            "mmd2": mmd2,
            "formula": tau**self.bits,
            "log10_mmd2": float(np.log10(max(mmd2, 1e-300))),
            "tau": tau,
            "mean_order": self.bits * tau,
        }
        weight = bandwidth_by_order(kernel, self.bits)
        differs = _by_order(q - uniform)
        bars = Bars(
            f"What γ = {self.gamma:g} looks at",
            "order of parity: number of bits in it",
            "share (each adds up to 1)",
            [str(k) for k in range(self.bits + 1)],
            {"the kernel's weight": weight, "what tells q from uniform": differs},
            ("selbo", "ink"),
        )
        curve = ((1 - np.exp(-_GAMMAS)) / 2) ** self.bits
        lines = Lines(
            "KL and MMD² of the same q",
            "bandwidth γ",
            "distance from uniform",
            [
                Series("MMD²", _GAMMAS, curve, "selbo"),
                Series("KL, nats", _GAMMAS, np.full(len(_GAMMAS), kl), "elbo"),
                Series("here", np.array([self.gamma]), np.array([mmd2]), "selbo", marked=True),
            ],
            log_x=True,
            log_y=True,
        )
        return Outcome(numbers, {"orders": bars, "gammas": lines})


def _by_order(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of Σ_S (E_q − E_π)[parity S]² at each order |S|, (N + 1,)."""
    squares = walsh_hadamard(difference) ** 2
    return np.bincount(np.bitwise_count(np.arange(difference.size)), weights=squares) / squares.sum()
