"""Fully connected network with binary weights and biases.

Layout of the bits for ``layers`` = (d, h, …, C): W1 (d×h, row-major), b1 (h), W2 (h×…, row-major), b2, …
A bit b becomes a weight a + (b' − a)·b through the alphabet (a, b'): 0 → a, 1 → b'.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_bits, check_choice, check_finite, check_shape
from qhn_core.networks.base import NETWORKS
from qhn_core.networks.functions import FunctionTable, Tick
from qhn_core.networks.mlp_functions import mlp_functions
from qhn_core.networks.mlp_math import log_classes, log_of_label, outputs_of
from qhn_core.networks.perceptron import Perceptron

Array = NDArray[np.float64]

#: Largest number of float64 held for one layer's activations in one go (4 MB).
_CHUNK = 500_000


@NETWORKS.register
class MLP(Perceptron):
    """Binary multilayer perceptron; one output is a logistic, several are a softmax.

    With outputs z and scale s: p(1|x) = 1/(1 + e^{−s z}) for one output, p(c|x) ∝ e^{s z_c} for several.
    sign(0) = 0, so a sign unit on its own boundary is silent.
    Source: the binary networks of arXiv:2301.08292.
    """

    label: ClassVar[str] = "Multilayer perceptron"
    name: Literal["mlp"] = "mlp"

    @property
    def bit_labels(self) -> tuple[str, ...]:
        """``W1[input,unit]``, ``b1[unit]``, …: counted from zero within a layer, layers from one."""
        labels: list[str] = []
        for k, (a, b) in enumerate(zip(self.layers, self.layers[1:], strict=False), start=1):
            labels += [f"W{k}[{i},{j}]" for i in range(a) for j in range(b)]
            labels += [f"b{k}[{j}]" for j in range(b)] if self.bias else []
        return tuple(labels)

    def log_proba(
        self, bits: ArrayLike, x: ArrayLike, *, precision: Literal["float64", "float32"] = "float64"
    ) -> Array:
        """log p(y|x, w) for bits (S, N) and inputs (n, d): shape (S, n, C), nats; never −inf for finite outputs.

        Args:
            bits, x: strings and inputs.
            precision: of the sums; the result is float64. ``float32`` takes a quarter to two thirds of the time. On
                digits of 64 features it is right to 2e-5 nats an example; a sign unit whose sum lies within 1e-5 of 0,
                but not at it, is silent there and not here.
        """
        single = check_choice("precision", precision, ("float64", "float32")) == "float32"
        strings = check_bits("bits", bits, self.n_bits)
        inputs = check_shape("x", check_finite("x", x), (None, self.n_inputs))
        out = np.empty((len(strings), self.n_classes, len(inputs)))
        for part in self._parts(len(strings), len(inputs)):
            out[part] = log_classes(self.output_scale * outputs_of(self, strings[part], inputs, single=single))
        return out.transpose(0, 2, 1)

    def log_likelihood(self, bits: ArrayLike, x: ArrayLike, y: NDArray[np.int64]) -> Array:
        """log p(y_i|x_i, w) for bits (S, N), inputs (n, d) and labels (n,): (S, n), bit for bit that of log_proba."""
        strings = check_bits("bits", bits, self.n_bits)
        inputs = check_shape("x", check_finite("x", x), (None, self.n_inputs))
        out = np.empty((len(strings), len(inputs)))
        for part in self._parts(len(strings), len(inputs)):
            out[part] = log_of_label(self.output_scale * outputs_of(self, strings[part], inputs), y)
        return out

    def _parts(self, strings: int, examples: int) -> list[slice]:
        size = max(1, _CHUNK // max(1, examples * max(self.layers[1:])))
        return [slice(start, start + size) for start in range(0, strings, size)]

    def functions(self, x: ArrayLike, *, tick: Tick | None = None) -> FunctionTable:
        """Strings grouped by the function that they compute on x; see :mod:`qhn_core.networks.mlp_functions`."""
        inputs = check_shape("x", check_finite("x", x), (None, self.n_inputs))
        return mlp_functions(self, inputs, tick=tick)
