"""The slow twin of the fast engine: one gate at a time on a dense NumPy array, every state stored.

It shares no code with the fast engine and exists to check it; nothing in it is tuned.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.circuit import Circuit, Gate

Complex = NDArray[np.complex128]

_PAULI = {
    "RX": np.array([[0, 1], [1, 0]], complex),
    "RY": np.array([[0, -1j], [1j, 0]], complex),
    "RZ": np.diag([1, -1]).astype(complex),
    "IsingZZ": np.diag([1, -1, -1, 1]).astype(complex),
}
_FIXED = {
    "Hadamard": np.array([[1, 1], [1, -1]], complex) / np.sqrt(2),
    "CNOT": np.eye(4, dtype=complex)[[0, 1, 3, 2]],
    "CZ": np.diag([1, 1, 1, -1]).astype(complex),
}


def matrix(gate: Gate, theta: NDArray[np.float64]) -> Complex:
    """Unitary of one gate for theta (P,): exp(−i angle/2 · Pauli), (2**k, 2**k) for k wires."""
    if gate.name in _FIXED:
        return _FIXED[gate.name]
    generator, angle = _PAULI[gate.name], gate.angle(theta)
    return np.cos(angle / 2) * np.eye(len(generator)) - 1j * np.sin(angle / 2) * generator


def apply(operator: Complex, wires: tuple[int, ...], state: Complex) -> Complex:
    """``operator`` on ``wires`` of ``state``, an array of N axes of length 2 (axis i is wire i)."""
    k = len(wires)
    tensor = operator.reshape((2,) * (2 * k))
    moved = np.tensordot(tensor, state, axes=(range(k, 2 * k), wires))
    return np.moveaxis(moved, range(k), wires)


def state(circuit: Circuit, theta: NDArray[np.float64]) -> list[Complex]:
    """The state before the first gate and after each gate, for theta (P,)."""
    zero = np.zeros((2,) * circuit.n_qubits, complex)
    zero.flat[0] = 1.0
    states = [zero]
    for gate in circuit.gates:
        states.append(apply(matrix(gate, theta), gate.wires, states[-1]))
    return states


def probs(circuit: Circuit, theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """q(w) for theta (P,): (2**N,)."""
    return np.abs(state(circuit, theta)[-1].ravel()) ** 2


def gradient(circuit: Circuit, theta: NDArray[np.float64], diagonal: NDArray[np.float64]) -> NDArray[np.float64]:
    """∂_θ Σ_w q(w) g(w) for theta (P,) and g (2**N,): Σ over gates of 2 Re ⟨λ_k| ∂U_k |ψ_{k−1}⟩, (P,)."""
    states = state(circuit, theta)
    adjoint = states[-1] * diagonal.reshape(states[-1].shape)
    total = np.zeros(circuit.n_params)
    for gate, after in zip(reversed(circuit.gates), reversed(states), strict=False):
        if gate.param is not None:
            moved = apply(-0.5j * _PAULI[gate.name], gate.wires, after)
            total[gate.param] += gate.scale * 2 * np.vdot(adjoint, moved).real
        adjoint = apply(matrix(gate, theta).conj().T, gate.wires, adjoint)
    return total
