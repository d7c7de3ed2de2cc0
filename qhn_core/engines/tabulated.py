"""Strings and their scores from a table: for engines that know q of all 2**N strings.

log q(w) is read off the table. Σ_s c_s ∂_θ log q(w_s) is the gradient of the diagonal observable
Σ_s c_s / q(w_s) 1_{w_s}, frozen: one reverse sweep, whatever the number of strings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qhn_core.bitstrings import Bits, Indices, as_bits, from_index, index_of
from qhn_core.checks import check_angles, check_finite, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.compiled import compiled
from qhn_core.engines.base import Array, Evaluation
from qhn_core.errors import InvalidArgument


def draw_index(q: Array, shots: int, rng: np.random.Generator) -> Indices:
    """Indices of strings drawn from known probabilities (K, 2**N), by inverting each row's distribution function.

    Row k uses the k-th run of ``shots`` numbers of ``rng``: rows are independent of one another. (K, shots).
    """
    rows = np.ascontiguousarray(q, dtype=np.float64)
    out = np.empty((rows.shape[0], shots), dtype=np.int64)
    compiled().draw_rows(rows, rng.random(out.shape), out)
    return out


class ScoresFromTable:
    """The methods of :class:`~qhn_core.engines.base.Scores`, made of ``probs`` and ``evaluate``."""

    probs: Callable[[Circuit, ArrayLike], Array]
    evaluate: Callable[[Circuit, Array, Callable[[Array], tuple[Array, Any]]], Evaluation]

    def _known(self, circuit: Circuit, rows: Array) -> Array:
        """q (B, 2**N) at theta (B, P), not to be changed; an engine may keep it for the next call."""
        return self.probs(circuit, rows)

    def draw(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> tuple[Bits, Array]:
        """Bitstrings (B, shots, N) and log q of each in nats, (B, shots); without B for theta (P,)."""
        check_int("shots", shots, low=1)
        angles = check_angles(theta, circuit.n_params)
        q = self._known(circuit, np.atleast_2d(angles))
        index = draw_index(q, shots, rng)
        bits, log_q = from_index(index, circuit.n_qubits), np.log(np.take_along_axis(q, index, axis=1))
        return (bits, log_q) if angles.ndim == 2 else (bits[0], log_q[0])

    def log_prob(self, circuit: Circuit, theta: ArrayLike, bits: ArrayLike) -> Array:
        """log q in nats of bits (S, N) or (B, S, N): (S,) or (B, S); −∞ where q = 0."""
        angles = check_angles(theta, circuit.n_params)
        rows = np.atleast_2d(angles)
        index = index_of(_strings(bits, len(rows), circuit.n_qubits))
        with np.errstate(divide="ignore"):
            log_q = np.log(np.take_along_axis(self._known(circuit, rows), index, axis=1))
        return log_q if angles.ndim == 2 or np.ndim(bits) == 3 else log_q[0]

    def score(self, circuit: Circuit, theta: ArrayLike, bits: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_s weights_s ∂_θ log q(bits_s): bits (S, N) or (B, S, N), weights likewise -> shape of theta.

        Raises:
            InvalidArgument: a string of probability zero has a weight: its log q has no derivative.
        """
        angles = check_angles(theta, circuit.n_params)
        rows = np.atleast_2d(angles)
        index = index_of(_strings(bits, len(rows), circuit.n_qubits))
        share = check_finite("weights", weights)
        if share.shape not in (index.shape, index.shape[1:]):
            raise InvalidArgument(
                "weights", expected=f"shape {index.shape}, a weight for each string", got=f"shape {share.shape}"
            )
        share = np.broadcast_to(share, index.shape)

        def diagonal(q: Array) -> tuple[Array, None]:
            table = np.zeros(q.shape)
            for row, at, weight, known in zip(table, index, share, q, strict=True):
                _add(row, at, weight, known[at])
            return table, None

        return self.evaluate(circuit, rows, diagonal).gradient.reshape(angles.shape)


def _add(table: Array, index: Indices, weight: Array, probs: Array) -> None:
    if not probs.all():
        if weight[probs == 0.0].any():
            raise InvalidArgument("bits", expected="strings with q above 0", got="one that this circuit never draws")
        index, weight, probs = index[probs > 0.0], weight[probs > 0.0], probs[probs > 0.0]
    np.add.at(table, index, weight / probs)


def _strings(bits: ArrayLike, replicas: int, n_qubits: int) -> Bits:
    """Strings (B, S, N) of (S, N) or (B, S, N)."""
    found = as_bits(bits, n_qubits)
    if found.ndim not in (2, 3) or (found.ndim == 3 and len(found) != replicas):
        raise InvalidArgument(
            "bits",
            expected=f"shape (strings, {n_qubits}) or ({replicas}, strings, {n_qubits})",
            got=f"shape {found.shape}",
        )
    return np.broadcast_to(found, (replicas, *found.shape[-2:]))
