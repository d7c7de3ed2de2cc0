"""What is known of a circuit of any width without a table: entanglement of its cuts, dependence of its bits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.evidence import entropy
from qhn_core.checks import check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.mps.profile import entanglement, marginals, neighbour_information

Array = NDArray[np.float64]
#: Drawn strings from which the entropy of q is estimated.
DRAWS = 256


class Estimated(NamedTuple):
    """A mean over drawn strings and its standard error; 0 where it is exact."""

    mean: float
    error: float


class Bonds(NamedTuple):
    """One circuit at one set of angles; all is exact but the last two, which are where q is known."""

    entropy: Array  #: von Neumann entropy of each cut between wires i and i+1, bits, (N − 1,)
    chi: NDArray[np.int64]  #: bond dimension of the circuit there, (N − 1,)
    spectra: tuple[Array, ...]  #: Schmidt coefficients squared of each cut, largest first
    information: Array  #: mutual information of bits i and i+1 under q, bits, (N − 1,)
    marginals: Array  #: P(bit_i = 1), (N,)
    q_entropy: Estimated  #: H(q), bits
    total_correlation: Estimated  #: Σ_i H(bit_i) − H(q), nats: how far q is from the nearest product distribution


def bonds_of(circuit: Circuit, theta: ArrayLike, *, q: Array | None = None, draws: int = DRAWS, seed: int = 0) -> Bonds:
    """Entanglement of the state that is measured, and dependence of the bits; theta (P,), radians.

    H(q) = −E log₂ q is the mean over ``draws`` strings whose log q is exact; the marginals' entropies are exact, so the
    error of the total correlation is that of H(q) alone. With q (2**N,) at these angles both are exact.

    Raises:
        TooLarge: bonds beyond the limits.
    """
    from qhn_core.engines.mps.engine import MPSEngine

    check_int("draws", draws, low=2)
    found = entanglement(circuit, theta, measured=True)
    ones = marginals(circuit, theta)
    if q is None:
        rng = np.random.Generator(np.random.Philox(key=[seed, 0]))
        _, log_q = MPSEngine().draw(circuit, theta, draws, rng)
        mean, error = float(-log_q.mean()), float(log_q.std(ddof=1) / np.sqrt(draws))
    else:
        mean, error = float(entropy(q[None])[0]), 0.0
    apart = float(_bit_entropies(ones).sum())
    return Bonds(
        found.entropy,
        found.chi,
        found.spectra,
        neighbour_information(circuit, theta),
        ones,
        Estimated(mean / np.log(2.0), error / np.log(2.0)),
        Estimated(apart - mean, error),
    )


def _bit_entropies(ones: Array) -> Array:
    """H(bit) in nats of bits that are 1 with these probabilities."""
    p = np.stack([ones, 1.0 - ones])
    return -np.where(p > 0.0, p * np.log(np.where(p > 0.0, p, 1.0)), 0.0).sum(axis=0)
