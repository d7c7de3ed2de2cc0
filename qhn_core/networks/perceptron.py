"""What the arithmetic of perceptrons asks of one: its weights from bits, and its activation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import Bits
from qhn_core.networks.layered import LayeredConfig

Array = NDArray[np.float64]


class Perceptron(LayeredConfig):
    """Base of fully connected networks with one bit for each weight and bias."""

    @property
    def n_bits(self) -> int:
        """Number N of weights and biases."""
        return sum((a + self.bias) * b for a, b in zip(self.layers, self.layers[1:], strict=False))

    def weights_of(self, bits: Bits) -> Array:
        """Weights that bits stand for, same shape."""
        low, high = self.alphabet
        return np.where(bits, high, low)

    def activate(self, z: Array) -> Array:
        """The activation, elementwise, in the precision of z; sums within 1e-9 of zero (1e-5 in single precision) have
        sign 0, in whatever order they were taken.
        """
        if self.activation == "sign":
            near = 1e-5 if z.dtype == np.float32 else 1e-9
            return np.sign(np.where(np.abs(z) < near, z.dtype.type(0), z))
        if self.activation == "tanh":
            return np.tanh(z)
        if self.activation == "relu":
            return np.maximum(z, 0.0)
        return 0.5 * (1.0 + np.tanh(0.5 * z))
