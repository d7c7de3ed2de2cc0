"""How the weights depend on one another under q: pairwise mutual information, and the distance from any product.

A product circuit makes all weights independent; what entanglement adds shows here. All in bits unless said otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.errors import InvalidArgument
from qhn_core.kernels import walsh_hadamard

Array = NDArray[np.float64]


class Dependence(NamedTuple):
    """Dependence between the bits of strings."""

    mutual_information: Array  #: I(bit_i; bit_j), bits, (…, N, N); on the diagonal the entropy of bit_i
    total_correlation: Array  #: Σ_i H(bit_i) − H(q) = min over products r of KL(q‖r), in nats, (…)


def dependence(q: ArrayLike) -> Dependence:
    """Mutual-information matrix and total correlation of exact q, (2**N,) or (B, 2**N).

    The total correlation is how far q is from the nearest product distribution, which is the product of its own
    marginals: a floor under KL(q‖r) for every product r.
    """
    table = np.asarray(q, dtype=np.float64)
    size = table.shape[-1]
    if table.ndim not in (1, 2) or size < 2 or size & (size - 1):
        raise InvalidArgument("q", expected="shape (2**N,) or (replicas, 2**N)", got=f"shape {table.shape}")
    n_bits = size.bit_length() - 1
    parities = walsh_hadamard(table)
    masks = np.left_shift(np.int64(1), np.arange(n_bits - 1, -1, -1))
    means = parities[..., masks]
    pairs = parities[..., masks[:, None] ^ masks[None, :]]
    information = _information(means, pairs)
    log_q = np.log(np.maximum(table, np.finfo(np.float64).tiny))
    entropy = -(table * log_q).sum(axis=-1)
    marginal = np.einsum("...ii->...", information) * np.log(2.0)
    return Dependence(information, np.maximum(marginal - entropy, 0.0))


def mutual_information_of_draws(bits: NDArray[np.uint8]) -> Array:
    """Plug-in mutual information, bits, of drawn strings (…, S, N): (…, N, N); biased up by 0.72/S bits."""
    signs = 1.0 - 2.0 * np.asarray(bits, dtype=np.float64)
    pairs = np.einsum("...si,...sj->...ij", signs, signs) / signs.shape[-2]
    return _information(signs.mean(axis=-2), pairs)


def _information(means: Array, pairs: Array) -> Array:
    """I from the sign expectations E z_i (…, N) and E z_i z_j (…, N, N), z = 1 − 2·bit."""
    n_bits = means.shape[-1]
    left, right = means[..., :, None], means[..., None, :]
    total = np.zeros(pairs.shape)
    for a in (1.0, -1.0):
        for b in (1.0, -1.0):
            joint = np.clip(0.25 * (1.0 + a * left + b * right + a * b * pairs), 0.0, 1.0)
            product = np.clip(0.25 * (1.0 + a * left) * (1.0 + b * right), 1e-300, 1.0)
            total += np.where(joint > 0.0, joint * np.log2(np.where(joint > 0.0, joint, 1.0) / product), 0.0)
    diagonal = np.arange(n_bits)
    one = np.clip(0.5 * (1.0 + means), 0.0, 1.0)
    total[..., diagonal, diagonal] = sum(-p * np.log2(np.where(p > 0.0, p, 1.0)) for p in (one, 1.0 - one))
    return np.maximum(total, 0.0)
