"""Gate and readout noise, in Qiskit's convention, for PennyLane's and for Aer's simulators.

Depolarising strength λ on k qubits replaces the state by the maximally mixed one with probability λ:
ρ → (1−λ) ρ + λ I/2^k. In Pauli terms each of the 4^k − 1 non-identity Paulis acts with probability λ/4^k, so that
PennyLane's one-qubit ``DepolarizingChannel(p)`` is this with p = ¾λ, and two qubits need the joint 16-term channel.
"""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: PennyLane operation -> Qiskit gate.
QISKIT_GATES = {
    "RX": "rx",
    "RY": "ry",
    "RZ": "rz",
    "IsingZZ": "rzz",
    "Hadamard": "h",
    "CNOT": "cx",
    "CZ": "cz",
}
_ONE_QUBIT, _TWO_QUBIT = ["rx", "ry", "rz", "h"], ["rzz", "cx", "cz"]


class Noise(NamedTuple):
    """A noise setting; all three are probabilities in [0, 1]."""

    one_qubit: float = 0.0  #: depolarising λ after every one-qubit gate
    two_qubit: float = 0.0  #: depolarising λ after every two-qubit gate
    readout: float = 0.0  #: probability that a measured bit is read wrongly

    @property
    def present(self) -> bool:
        """Whether anything is noisy."""
        return any(self)


def two_qubit_kraus(strength: float) -> list[NDArray[np.complex128]]:
    """The 16 Kraus operators of the joint two-qubit depolarising channel of strength λ, each (4, 4)."""
    paulis = [np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
    weights = np.full(16, strength / 16)
    weights[0] = 1.0 - strength * 15 / 16
    return [
        np.sqrt(weight) * np.kron(a, b).astype(np.complex128)
        for weight, (a, b) in zip(weights, product(paulis, paulis), strict=True)
    ]


def flip_readout(probs: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Probabilities (…, 2**N) after every bit is flipped independently with probability ``strength``."""
    n_qubits = probs.shape[-1].bit_length() - 1
    table = probs.reshape(-1, *(2,) * n_qubits)
    for axis in range(1, n_qubits + 1):
        table = (1.0 - strength) * table + strength * np.flip(table, axis)
    return table.reshape(probs.shape)


def qiskit_noise_model(noise: Noise) -> Any:
    """The same setting as a ``qiskit_aer.noise.NoiseModel``."""
    from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

    model = NoiseModel(basis_gates=_ONE_QUBIT + _TWO_QUBIT)
    if noise.one_qubit:
        model.add_all_qubit_quantum_error(depolarizing_error(noise.one_qubit, 1), _ONE_QUBIT)
    if noise.two_qubit:
        model.add_all_qubit_quantum_error(depolarizing_error(noise.two_qubit, 2), _TWO_QUBIT)
    if noise.readout:
        r = noise.readout
        model.add_all_qubit_readout_error(ReadoutError([[1 - r, r], [r, 1 - r]]))
    return model
