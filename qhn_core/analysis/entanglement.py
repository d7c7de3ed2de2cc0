"""Entanglement of a circuit's state: von Neumann entropy of each qubit and of each cut, in bits.

For a pure state with Schmidt coefficients s across a cut, S = −Σ s² log₂ s² (Nielsen & Chuang, section 11.3). It is 0
for every product state and at most the number of qubits on the smaller side. What of it the weights show is their
mutual information (:mod:`qhn_core.analysis.dependence`): phases entangle too, and no measurement of the bits sees them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_angles
from qhn_core.circuits.circuit import Circuit
from qhn_core.circuits.gates import Gate
from qhn_core.errors import TooLarge

Array = NDArray[np.float64]
#: Most qubits whose amplitudes are written out.
MOST_QUBITS = 16


class Entropies(NamedTuple):
    """Von Neumann entropies of one state, bits."""

    qubits: Array  #: of each qubit against all others, (N,)
    cuts: Array  #: between wires 0 … i and i+1 … N−1, (N − 1,)


def entropies(circuit: Circuit, theta: ArrayLike) -> Entropies:
    """Entropy of every qubit and every cut at theta (P,), radians; up to 16 qubits.

    All gates at the end that only change phases or exchange strings count too: it is the state's entanglement, not that
    of the distribution.
    """
    angles, n = check_angles(theta, circuit.n_params), circuit.n_qubits
    if n > MOST_QUBITS:
        raise TooLarge(f"The entropies of {n} qubits need their amplitudes; these are written out up to {MOST_QUBITS}.")
    state = amplitudes(circuit, angles)
    qubits = [_entropy(np.moveaxis(state, i, 0).reshape(2, -1)) for i in range(n)]
    cuts = [_entropy(state.reshape(1 << i, -1)) for i in range(1, n)]
    return Entropies(np.array(qubits), np.array(cuts))


def amplitudes(circuit: Circuit, theta: Array) -> NDArray[np.complex128]:
    """U(θ)|0…0⟩ as an array of N axes of length 2; axis i is wire i."""
    state = np.zeros((2,) * circuit.n_qubits, dtype=np.complex128)
    state.flat[0] = 1.0
    for gate in circuit.gates:
        wires = list(gate.wires)
        moved = np.moveaxis(state, wires, range(len(wires)))
        after = (_unitary(gate, theta) @ moved.reshape(1 << len(wires), -1)).reshape(moved.shape)
        state = np.moveaxis(after, range(len(wires)), wires)
    return state


def _unitary(gate: Gate, theta: Array) -> NDArray[np.complex128]:
    if gate.name == "Hadamard":
        return np.array([[1, 1], [1, -1]], dtype=np.complex128) / np.sqrt(2.0)
    if gate.name == "CNOT":
        return np.eye(4, dtype=np.complex128)[[0, 1, 3, 2]]
    if gate.name == "CZ":
        return np.diag([1, 1, 1, -1]).astype(np.complex128)
    half = 0.5 * float(gate.angle(theta))
    c, s = np.cos(half), np.sin(half)
    if gate.name == "RX":
        return np.array([[c, -1j * s], [-1j * s, c]])
    if gate.name == "RY":
        return np.array([[c, -s], [s, c]], dtype=np.complex128)
    phases = np.exp(-1j * half), np.exp(1j * half)
    return np.diag(phases if gate.name == "RZ" else (phases[0], phases[1], phases[1], phases[0]))


def _entropy(matrix: NDArray[np.complex128]) -> float:
    """−Σ p log₂ p of the squared singular values p, from the smaller Gram matrix."""
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    p = np.linalg.eigvalsh(small @ small.conj().T)
    p = p[p > 1e-15]
    return max(0.0, float(-(p * np.log2(p)).sum()))
