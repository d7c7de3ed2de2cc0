"""The arithmetic of perceptrons, with arrays laid out as (strings, units, examples).

Sums run over their terms one after the other, so that a string's outputs have the same bits whatever batch it is
evaluated in, by whichever way, and whatever the number of threads (a BLAS product would promise none of it).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import Bits, every_string, index_of
from qhn_core.networks.perceptron import Array, Perceptron
from qhn_core.networks.sums import layer_sums


def outputs_of(network: Perceptron, bits: Bits, x: Array, *, single: bool = False) -> Array:
    """Outputs z before the scale, for bits (S, N) and x (n, d): (S, outputs, n); sums in single precision if asked."""
    if single:
        weights: Any = network.weights_of(bits).astype(np.float32)
        values: Any = x.T[None].astype(np.float32)
        return _through_layers(network, values, weights, first=1)
    if len(network.layers) > 2:
        units, outgoing = network.layers[1:3]
        incoming = network.layers[0] + network.bias
        if 2 ** (incoming + outgoing) <= len(bits):
            return _by_units(network, bits, x, units=units, incoming=incoming, outgoing=outgoing)
    return _through_layers(network, x.T[None], network.weights_of(bits), first=1)


def _by_units(network: Perceptron, bits: Bits, x: Array, *, units: int, incoming: int, outgoing: int) -> Array:
    """The same with what each possible hidden unit adds computed once: for many strings."""
    added = unit_options(network, x, np.arange(2 ** (incoming + outgoing)))
    head = bits[:, : incoming * units].reshape(-1, incoming, units).transpose(0, 2, 1)
    tail = bits[:, incoming * units : (incoming + outgoing) * units].reshape(-1, units, outgoing)
    code = index_of(np.concatenate([head, tail], axis=2))
    sums = added[code[:, 0]]
    for j in range(1, units):
        sums += added[code[:, j]]
    return deeper(network, sums, network.weights_of(bits[:, (incoming + outgoing) * units :]))


def unit_options(network: Perceptron, x: Array, codes: NDArray[np.int64]) -> Array:
    """What first-layer units with option ``codes`` add to the next layer: a(x)·W2[j,:], (codes, outgoing, n)."""
    d, _, outgoing = network.layers[:3]
    low, high = network.alphabet
    z = np.zeros((1, len(x)))
    for i in range(d):  # each further bit doubles the table
        z = (z[:, None] + np.stack([low * x[:, i], high * x[:, i]])).reshape(-1, len(x))
    if network.bias:
        z = (z[:, None] + np.array([[low], [high]])).reshape(-1, len(x))
    active = network.activate(z)
    out = network.weights_of(every_string(outgoing))
    return active[codes >> outgoing][:, None, :] * out[codes & (2**outgoing - 1)][:, :, None]


def deeper(network: Perceptron, z: Array, weights: Array) -> Array:
    """From the sums into the second layer (strings, width, n) on: its bias, then the layers above; overwrites z.

    ``weights`` (strings, …) are the bits' weights from the second layer's bias on.
    """
    at = 0
    if network.bias:
        at = network.layers[2]
        z += weights[:, :at, None]
    return _through_layers(network, network.activate(z), weights[:, at:], first=3) if len(network.layers) > 3 else z


def _through_layers(network: Perceptron, values: Array, weights: Array, *, first: int) -> Array:
    """Through layers ``first``, first + 1, …: values (strings or 1, units, n) to outputs (strings, outputs, n)."""
    sizes, at = network.layers, 0
    for k in range(first, len(sizes)):
        fan_in, width = sizes[k - 1], sizes[k]
        z = layer_sums(weights[:, at : at + fan_in * width].reshape(-1, fan_in, width), values)
        at += fan_in * width
        if network.bias:
            z += weights[:, at : at + width, None]
            at += width
        values = network.activate(z) if k < len(sizes) - 1 else z
    return values


def log_classes(t: Array) -> Array:
    """Scaled outputs (strings, outputs, n) to log class probabilities (strings, C, n), without overflow."""
    if t.shape[1] == 1:
        t = t[:, 0]
        rest = np.log1p(np.exp(-np.abs(t)))
        return np.stack([np.minimum(-t, 0.0) - rest, np.minimum(t, 0.0) - rest], axis=1)
    t, total = _exponentials(t)
    return t - np.log(total)


def log_of_label(t: Array, y: NDArray[np.int64]) -> Array:
    """What :func:`log_classes` says of each example's own class y_i: (strings, outputs, n), (n,) -> (strings, n)."""
    at = np.arange(t.shape[2])
    if t.shape[1] == 1:
        return log_classes(t)[:, y, at]
    t, total = _exponentials(t)
    return t[:, y, at] - np.log(total[:, 0])


def _exponentials(t: Array) -> tuple[Array, Array]:
    """Outputs below their largest, and Σ_c of e to them, (strings, 1, n)."""
    t = t - t.max(axis=1, keepdims=True)
    total = np.exp(t[:, :1])
    for c in range(1, t.shape[1]):
        total += np.exp(t[:, c : c + 1])
    return t, total
