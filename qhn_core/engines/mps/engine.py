"""The engine that exchanges space and time; Numba is imported when one is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qhn_core.bitstrings import Bits, as_bits, every_string
from qhn_core.checks import check_angles, check_finite, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Array, Engine, Evaluation
from qhn_core.engines.cores import usable
from qhn_core.engines.mps.limits import MAX_ENUMERATED, check_bonds
from qhn_core.engines.mps.program import Program
from qhn_core.engines.mps.tables import Recent, Tables
from qhn_core.errors import InvalidArgument, TooLarge

#: Slopes of transfer matrices held at once, bytes: bounds the groups of strings that are worked on side by side.
_SLOPE_BYTES = 32 << 20
_MAX_GROUPS = 8
#: Strings whose scores are summed at once where all of them are enumerated.
_ENUMERATED_AT_ONCE = 1 << 14


class MPSEngine(Engine):
    """Exact draws, log q and scores of shallow circuits at any width; nothing is truncated.

    The state is a chain of matrices whose bonds are the circuit's own crossings (:mod:`.program`): O(N χ²) a string,
    after O(N χ² gates) for the matrices and O(N χ³) for the environments of a draw. Results do not depend on the
    number of threads, and a batch gives bit for bit what its replicas give one by one.

    Args:
        threads: cores to use, None for all.
    """

    title = "The engine of bonds"

    def __init__(self, *, threads: int | None = None) -> None:
        from qhn_core.engines.mps import running

        self._kernels, self._share = running.kernels, running.share
        self.threads = usable() if threads is None else check_int("threads", threads, low=1)
        self._recent = Recent(self.threads)

    def draw(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> tuple[Bits, Array]:
        """Strings drawn from q, and log q of them in nats.

        Returns:
            bits (S, N) and log q (S,) for theta (P,); (B, S, N) and (B, S) for (B, P). Replica r uses the r-th run of
            S·N numbers of ``rng``.
        """
        check_int("shots", shots, low=1)
        rows, tables = self.tables(circuit, theta, shots)
        p = tables.program
        uniform = rng.random((len(rows), shots, p.n_wires))
        bits, log_q = np.empty(uniform.shape, np.uint8), np.empty(uniform.shape[:2])
        pieces = len(rows) * -(-shots // self._kernels.WIDTH)
        at = (p.n_wires, p.cuts, p.transfer_at, p.bond_at, p.renames)
        state = (tables.transfer, tables.environments)
        self._share(self._kernels.draw_strings, pieces, self.threads, *at, *state, uniform, bits, log_q)
        return (bits, log_q) if np.ndim(theta) == 2 else (bits[0], log_q[0])

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> Bits:
        """The strings of :meth:`draw` alone."""
        return self.draw(circuit, theta, shots, rng)[0]

    def log_prob(self, circuit: Circuit, theta: ArrayLike, bits: ArrayLike) -> Array:
        """log q(w), nats, of bits (S, N) or (B, S, N): (S,) or (B, S); −∞ where q is 0.

        Relative error of q about 1e-13 per thousand wires; it is not small where amplitudes cancel to below 1e-16 of
        their terms.
        """
        rows, tables = self.tables(circuit, theta, 1)
        strings = _strings(bits, circuit.n_qubits, len(rows))
        return self._log_prob(tables, strings)[0 if np.ndim(theta) == 1 and np.ndim(bits) == 2 else slice(None)]

    def score(self, circuit: Circuit, theta: ArrayLike, bits: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_s weights_s ∂_θ log q(w_s): bits (S, N) or (B, S, N), weights (S,) or (B, S) -> shape of theta.

        Raises:
            InvalidArgument: a string of probability zero has a weight: its log q has no derivative.
        """
        rows, tables = self.tables(circuit, theta, 1)
        strings = _strings(bits, circuit.n_qubits, len(rows))
        factors = np.atleast_2d(check_finite("weights", weights))
        if factors.shape[-1] != strings.shape[1] or len(factors) not in (1, len(rows)):
            expected = f"shape ({strings.shape[1]},) or ({len(rows)}, {strings.shape[1]})"
            raise InvalidArgument("weights", expected=expected, got=f"shape {np.shape(weights)}")
        factors = np.ascontiguousarray(np.broadcast_to(factors, (len(rows), strings.shape[1])))
        return self._score(tables, strings, factors).reshape(np.shape(theta))

    def probs(self, circuit: Circuit, theta: ArrayLike) -> Array:
        """q(w) of all strings, N ≤ 20: theta (P,) or (B, P) -> (2**N,) or (B, 2**N)."""
        strings = _all_strings(circuit)
        _rows, tables = self.tables(circuit, theta, 1)
        q = np.exp(self._log_prob(tables, strings[None]))
        return q if np.ndim(theta) == 2 else q[0]

    def gradient(self, circuit: Circuit, theta: ArrayLike, diagonal: ArrayLike) -> Array:
        """∂_θ Σ_w q(w) g(w) for a frozen g, (2**N,) or (B, 2**N), N ≤ 20: shape of theta."""
        g = np.atleast_2d(check_finite("diagonal", diagonal))
        rows = np.atleast_2d(check_angles(theta, circuit.n_params))
        size = 1 << min(circuit.n_qubits, 62)
        if g.shape[-1] != size or len(g) not in (1, len(rows)):
            expected = f"shape ({size},) or ({len(rows)}, {size})"
            raise InvalidArgument("diagonal", expected=expected, got=f"shape {np.shape(diagonal)}")
        return self.evaluate(circuit, rows, lambda q: (g, None)).gradient.reshape(np.shape(theta))

    def evaluate(self, circuit: Circuit, theta: Array, diagonal: Callable[[Array], tuple[Array, Any]]) -> Evaluation:
        """All probabilities, then ``diagonal(q) -> (g, aux)``, then the gradient; theta (B, P), N ≤ 20."""
        strings = _all_strings(circuit)
        rows, tables = self.tables(circuit, theta, 1)
        q = np.exp(self._log_prob(tables, strings[None]))
        g, aux = diagonal(q)
        weights, gradient = q * g, np.zeros(rows.shape)
        for start in range(0, len(strings), _ENUMERATED_AT_ONCE):
            part = slice(start, start + _ENUMERATED_AT_ONCE)
            gradient += self._score(tables, strings[None, part], np.ascontiguousarray(weights[:, part]))
        return Evaluation(q, aux, gradient)

    def tables(self, circuit: Circuit, theta: ArrayLike, shots: int) -> tuple[Array, Tables]:
        rows = np.ascontiguousarray(np.atleast_2d(check_angles(theta, circuit.n_params)))
        check_bonds(circuit, replicas=len(rows), shots=shots)
        return rows, self._recent.at(circuit, rows)

    def _log_prob(self, tables: Tables, strings: Bits) -> Array:
        p = tables.program
        log_q = np.empty((len(tables.theta), strings.shape[1]))
        pieces = len(log_q) * -(-strings.shape[1] // self._kernels.WIDTH)
        at = (p.n_wires, p.cuts, p.transfer_at)
        self._share(
            self._kernels.log_probabilities,
            pieces,
            self.threads,
            *at,
            tables.transfer,
            _before(p, strings),
            log_q,
        )
        return log_q

    def _score(self, tables: Tables, strings: Bits, weights: Array) -> Array:
        p, replicas = tables.program, len(tables.theta)
        blocks = -(-strings.shape[1] // self._kernels.WIDTH)
        one = 16 * int(p.transfer_at[-1]) * replicas
        groups = max(1, min(_MAX_GROUPS, blocks, _SLOPE_BYTES // one))
        slope = np.zeros((replicas, groups, int(p.transfer_at[-1])), np.complex128)
        vector_at = np.concatenate([[0], np.cumsum(1 << p.cuts)])
        impossible = np.zeros((replicas, groups), np.uint8)
        at = (p.n_wires, p.cuts, p.transfer_at, vector_at, tables.transfer, _before(p, strings), weights)
        self._share(self._kernels.score_slopes, replicas * groups, self.threads, *at, groups, slope, impossible)
        if impossible.any():
            raise InvalidArgument("bits", expected="strings with q above 0", got="one that this circuit never draws")
        total = slope[:, 0]
        for group in range(1, groups):
            total = total + slope[:, group]
        by_angle = np.empty(tables.cosines.shape)
        tables.walk(self._kernels.angle_gradients, np.ascontiguousarray(total), by_angle)
        return p.pull_back(by_angle, tables.theta.shape[1])


def _before(program: Program, strings: Bits) -> Bits:
    """Strings as they were before the CNOTs at the end renamed them."""
    if not len(program.renames):
        return strings
    wires = np.ascontiguousarray(np.moveaxis(strings, -1, 0)).copy()
    for control, target in program.renames[::-1]:
        wires[target] ^= wires[control]
    return np.ascontiguousarray(np.moveaxis(wires, 0, -1))


def _strings(bits: ArrayLike, n_bits: int, replicas: int) -> Bits:
    """Bits as (1 or B, S, N) uint8."""
    array = as_bits(bits, n_bits)
    array = array[None] if array.ndim == 2 else array
    if array.ndim != 3 or len(array) not in (1, replicas):
        expected = f"shape (strings, {n_bits}) or ({replicas}, strings, {n_bits})"
        raise InvalidArgument("bits", expected=expected, got=f"shape {np.shape(bits)}")
    return array


def _all_strings(circuit: Circuit) -> Bits:
    n = circuit.n_qubits
    if n > MAX_ENUMERATED:
        raise TooLarge(
            f"All 2^{n} probabilities cannot be held: tables end at {MAX_ENUMERATED} qubits. "
            "Use draw, log_prob and score, which work on given strings."
        )
    return every_string(n)
