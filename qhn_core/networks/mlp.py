"""Fully connected network with binary weights and biases.

Layout of the bits for ``layers`` = (d, h, …, C): W1 (d×h, row-major), b1 (h), W2 (h×…, row-major), b2, …
A bit b becomes a weight a + (b' − a)·b through the alphabet (a, b'): 0 → a, 1 → b'.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_bits, check_finite, check_shape
from qhn_core.networks._functions import FunctionTable, Tick
from qhn_core.networks._layered import LayeredConfig
from qhn_core.networks._mlp_functions import mlp_functions
from qhn_core.networks.base import NETWORKS

Array = NDArray[np.float64]

#: Largest number of float64 held for one layer's activations in one go (32 MB).
_CHUNK = 4_000_000


@NETWORKS.register
class MLP(LayeredConfig):
    """Binary multilayer perceptron; one output is a logistic, several are a softmax.

    With outputs z and scale s: p(1|x) = 1/(1 + e^{−s z}) for one output, p(c|x) ∝ e^{s z_c} for several.
    sign(0) = 0, so a sign unit on its own boundary is silent.
    Source: the binary networks of arXiv:2301.08292.
    """

    label: ClassVar[str] = "Multilayer perceptron"
    name: Literal["mlp"] = "mlp"

    @property
    def n_bits(self) -> int:
        """Number N of weights and biases."""
        return sum((a + self.bias) * b for a, b in zip(self.layers, self.layers[1:], strict=False))

    @property
    def bit_labels(self) -> tuple[str, ...]:
        """``W1[input,unit]``, ``b1[unit]``, …: counted from zero within a layer, layers from one."""
        labels: list[str] = []
        for k, (a, b) in enumerate(zip(self.layers, self.layers[1:], strict=False), start=1):
            labels += [f"W{k}[{i},{j}]" for i in range(a) for j in range(b)]
            labels += [f"b{k}[{j}]" for j in range(b)] if self.bias else []
        return tuple(labels)

    def log_proba(self, bits: ArrayLike, x: ArrayLike) -> Array:
        """log p(y|x, w) for bits (S, N) and inputs (n, d): shape (S, n, C), nats; never −inf for finite outputs."""
        strings = check_bits("bits", bits, self.n_bits)
        inputs = check_shape("x", check_finite("x", x), (None, self.n_inputs))
        out = np.empty((len(strings), len(inputs), self.n_classes))
        size = max(1, _CHUNK // max(1, len(inputs) * max(self.layers)))
        for start in range(0, len(strings), size):
            part = slice(start, start + size)
            out[part] = self._log_classes(self._outputs(strings[part], inputs))
        return out

    def functions(self, x: ArrayLike, *, tick: Tick | None = None) -> FunctionTable:
        """Strings grouped by the function that they compute on x; see :mod:`qhn_core.networks._mlp_functions`."""
        inputs = check_shape("x", check_finite("x", x), (None, self.n_inputs))
        return mlp_functions(self, inputs, tick=tick)

    def weights_of(self, bits: NDArray[np.uint8]) -> Array:
        """Weights that bits stand for, same shape."""
        low, high = self.alphabet
        return np.where(bits, high, low)

    def activate(self, z: Array) -> Array:
        """The activation, elementwise; sums within 1e-9 of zero have sign 0, in whatever order they were taken."""
        if self.activation == "sign":
            return np.sign(np.where(np.abs(z) < 1e-9, 0.0, z))
        if self.activation == "tanh":
            return np.tanh(z)
        if self.activation == "relu":
            return np.maximum(z, 0.0)
        return 0.5 * (1.0 + np.tanh(0.5 * z))

    def _outputs(self, bits: NDArray[np.uint8], x: Array) -> Array:
        """Outputs z before the scale, (S, n, outputs)."""
        weights, at = self.weights_of(bits), 0
        layer: Array = x[None]
        last = len(self.layers) - 2
        for k, (a, b) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            # Not a BLAS product: its last bit may depend on the number of threads, and with it the history of a run.
            matrix = weights[:, at : at + a * b].reshape(-1, a, b)
            layer = np.einsum("nd,sdh->snh", layer[0], matrix) if k == 0 else np.einsum("snd,sdh->snh", layer, matrix)
            at += a * b
            if self.bias:
                layer = layer + weights[:, None, at : at + b]
                at += b
            if k < last:
                layer = self.activate(layer)
        return layer

    def _log_classes(self, z: Array) -> Array:
        """Outputs (…, outputs) to log class probabilities (…, C), without overflow."""
        t = self.output_scale * z
        if self.layers[-1] == 1:
            rest = np.log1p(np.exp(-np.abs(t)))
            return np.concatenate([np.minimum(-t, 0.0) - rest, np.minimum(t, 0.0) - rest], axis=-1)
        t = t - t.max(axis=-1, keepdims=True)
        return t - np.log(np.exp(t).sum(axis=-1, keepdims=True))
