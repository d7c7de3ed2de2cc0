"""What every binary-weight network offers: how many bits it has and what it predicts for given bits."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_finite, check_shape
from qhn_core.networks.functions import EnumeratedFunctions, FunctionTable, Tick
from qhn_core.registry import Registry, VariantConfig


class NetworkConfig(VariantConfig):
    """Base of all networks. Bit i of a string is parameter i, and sits on wire i (most significant first)."""

    @property
    @abstractmethod
    def n_bits(self) -> int:
        """Number N of binary parameters, hence of qubits."""

    @property
    @abstractmethod
    def n_inputs(self) -> int:
        """Number d of input features."""

    @property
    @abstractmethod
    def n_classes(self) -> int:
        """Number C of classes (2 for one logistic output)."""

    @property
    @abstractmethod
    def bit_labels(self) -> tuple[str, ...]:
        """A short name for each bit, such as ``W1[0,1]`` or ``b2[0]``; length ``n_bits``."""

    @property
    def architectures(self) -> tuple[str, ...]:
        """Labels of the architectures that some bits choose between; empty where the architecture is fixed.

        A network that has some also offers ``architecture_of(bits)`` and ``architecture_probabilities(q)``.
        """
        return ()

    @abstractmethod
    def log_proba(self, bits: ArrayLike, x: ArrayLike) -> NDArray[np.float64]:
        """log p(y|x, w) for bits (S, n_bits) and inputs (n, d): shape (S, n, C), in nats."""

    def log_likelihood(self, bits: ArrayLike, x: ArrayLike, y: NDArray[np.int64]) -> NDArray[np.float64]:
        """log p(y_i|x_i, w) for bits (S, n_bits), inputs (n, d) and labels (n,): shape (S, n), in nats."""
        return self.log_proba(bits, x)[:, np.arange(len(y)), y]

    def predict_proba(self, bits: ArrayLike, x: ArrayLike) -> NDArray[np.float64]:
        """p(y|x, w) for bits (S, n_bits) and inputs (n, d): shape (S, n, C), rows sum to 1."""
        return np.exp(self.log_proba(bits, x))

    def functions(self, x: ArrayLike, *, tick: Tick | None = None) -> FunctionTable:
        """The 2**N strings grouped by the function that they compute on x (n, d).

        This default evaluates every string once; a network that knows its own symmetries does better.
        """
        inputs = check_shape("x", check_finite("x", x), (None, self.n_inputs))
        return EnumeratedFunctions(self, inputs, tick=tick)


NETWORKS: Registry[NetworkConfig] = Registry("network", NetworkConfig)
