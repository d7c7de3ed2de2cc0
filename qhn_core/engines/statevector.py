"""The exact engine: state vectors on this machine's cores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from qhn_core.checks import check_angles, check_finite, check_int
from qhn_core.circuit import Circuit
from qhn_core.engines import _twin
from qhn_core.engines.base import (
    AMPLITUDE_OF_SAMPLE,
    ENGINES,
    GRADIENT,
    PROBABILITIES,
    SAMPLES,
    EngineConfig,
    Evaluation,
)
from qhn_core.errors import InvalidArgument

Array = NDArray[np.float64]


class StatevectorEngine:
    """Exact probabilities, gradients of diagonal observables, and samples of exact probabilities."""

    provides: frozenset[str] = frozenset({PROBABILITIES, GRADIENT, SAMPLES, AMPLITUDE_OF_SAMPLE})

    def __init__(self, *, dtype: str = "float64") -> None:
        self.dtype = np.dtype(dtype)

    def probs(self, circuit: Circuit, theta: ArrayLike) -> Array:
        """q(w) = |⟨w|U(θ)|0⟩|²: theta (P,) or (B, P) -> (2**N,) or (B, 2**N)."""
        angles = check_angles(theta, circuit.n_params)
        if angles.ndim == 1:
            return _twin.probs(circuit, angles)
        return np.stack([_twin.probs(circuit, row) for row in angles])

    def gradient(self, circuit: Circuit, theta: ArrayLike, diagonal: ArrayLike) -> Array:
        """∂_θ Σ_w q(w) g(w) for a frozen g, (2**N,) or (B, 2**N): shape of theta."""
        angles = check_angles(theta, circuit.n_params)
        g = check_finite("diagonal", diagonal)
        rows = np.atleast_2d(angles)
        if g.shape not in ((2**circuit.n_qubits,), (len(rows), 2**circuit.n_qubits)):
            raise InvalidArgument(
                "diagonal", expected=f"shape (2**{circuit.n_qubits},) or one row a replica", got=g.shape
            )
        g = np.broadcast_to(g, (len(rows), g.shape[-1]))
        return np.stack([_twin.gradient(circuit, t, d) for t, d in zip(rows, g, strict=True)]).reshape(angles.shape)

    def evaluate(self, circuit: Circuit, theta: Array, diagonal: Callable[[Array], tuple[Array, Any]]) -> Evaluation:
        """Probabilities, then ``diagonal(q) -> (g, aux)``, then the gradient; theta (B, P)."""
        q = self.probs(circuit, theta)
        g, aux = diagonal(q)
        return Evaluation(q, aux, self.gradient(circuit, theta, g))

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Bitstrings drawn from q by inverting its distribution function: (shots, N) or (B, shots, N)."""
        check_int("shots", shots, low=1)
        q = np.atleast_2d(self.probs(circuit, theta))
        cdf = np.cumsum(q, axis=1)
        u = rng.random((len(q), shots))
        found = np.stack([np.searchsorted(c, x * c[-1], side="right") for c, x in zip(cdf, u, strict=True)])
        shifts = np.arange(circuit.n_qubits - 1, -1, -1)
        bits = (found[..., None] >> shifts & 1).astype(np.uint8)
        return bits if np.ndim(theta) == 2 else bits[0]


@ENGINES.register
class StatevectorConfig(EngineConfig):
    """Exact simulation on this machine's cores."""

    label: ClassVar[str] = "Exact state vector"
    name: Literal["statevector"] = "statevector"
    dtype: Literal["float64", "float32"] = Field(
        "float64", description="Precision of the amplitudes; float32 is faster, with errors of about 1e-6"
    )

    def build(self) -> StatevectorEngine:
        """The engine."""
        return StatevectorEngine(dtype=self.dtype)

    def memory_bytes(self, n_qubits: int, replicas: int) -> int:
        """Peak memory of one exact gradient step: 8 state vectors a replica at most."""
        return 8 * replicas * 2**n_qubits * 2 * np.dtype(self.dtype).itemsize

    @property
    def max_qubits(self) -> int:
        """Largest number of qubits it takes."""
        return 24
