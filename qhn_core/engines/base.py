"""What an engine is: it turns a circuit and angles into probabilities, gradients or samples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.circuits.circuit import Circuit
from qhn_core.registry import Registry, VariantConfig

#: Capabilities an engine may provide and an objective or estimator may need.
PROBABILITIES = "probabilities"  #: exact q(w) of all strings
GRADIENT = "gradient"  #: exact gradient of a diagonal observable
SAMPLES = "samples"  #: shots
AMPLITUDE_OF_SAMPLE = "log_q"  #: exact q(w) of a drawn string


class Evaluation(NamedTuple):
    """Result of :meth:`Engine.evaluate`."""

    probs: NDArray[np.float64]  #: q, (B, 2**N)
    aux: Any  #: whatever the diagonal callback returned beside the diagonal
    gradient: NDArray[np.float64]  #: ∂_θ Σ_w q(w) g(w) with g frozen, (B, P)


class Engine(Protocol):
    """A simulator or device. ``theta`` is in radians, (P,) or (B, P); B replicas are independent.

    All methods may be called from several Python threads at once.
    """

    provides: frozenset[str]

    def probs(self, circuit: Circuit, theta: ArrayLike) -> NDArray[np.float64]:
        """q(w) = |⟨w|U(θ)|0⟩|²: (2**N,) or (B, 2**N), float64, each row sums to 1."""

    def gradient(self, circuit: Circuit, theta: ArrayLike, diagonal: ArrayLike) -> NDArray[np.float64]:
        """∂_θ Σ_w q(w) g(w) for a frozen diagonal g, (2**N,) or (B, 2**N): shape of theta."""

    def evaluate(
        self,
        circuit: Circuit,
        theta: NDArray[np.float64],
        diagonal: Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], Any]],
    ) -> Evaluation:
        """One forward pass, ``diagonal(q) -> (g (B, 2**N), aux)``, one reverse sweep; theta is (B, P).

        The hot path of exact training: the forward state is used again by the sweep.
        """

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Bitstrings: (shots, N) or (B, shots, N), column i is wire i."""


class EngineConfig(VariantConfig):
    """Base of all engine configurations."""

    @abstractmethod
    def build(self) -> Engine:
        """The engine; expensive imports happen here."""

    @abstractmethod
    def memory_bytes(self, n_qubits: int, replicas: int) -> int:
        """Peak memory of one exact gradient step, bytes."""

    @property
    def provides(self) -> frozenset[str]:
        """Capabilities of the engine that :meth:`build` gives, known without building it: an exact simulator's."""
        return frozenset({PROBABILITIES, GRADIENT, SAMPLES, AMPLITUDE_OF_SAMPLE})

    @property
    def remote(self) -> bool:
        """Whether jobs leave this machine, and may cost money."""
        return False

    @property
    @abstractmethod
    def max_qubits(self) -> int:
        """Largest number of qubits it takes."""


ENGINES: Registry[EngineConfig] = Registry("engine", EngineConfig)
