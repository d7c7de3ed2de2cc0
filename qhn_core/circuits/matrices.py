"""PennyLane operations without a decomposition, by their matrices: exp(ixG) with x kept, or else as numbers."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import every_string
from qhn_core.errors import Unsupported

#: Most wires of an operation that is decomposed by its matrix: about 4**wires gates.
MATRIX_WIRES = 4


def parts_of_matrix(operation: Any, where: str) -> list[Any]:
    """Operations whose product is the matrix of ``operation``; ``where`` names it in messages.

    Raises:
        Unsupported: it has no matrix, one on too many wires, or one that is not unitary.
    """
    import pennylane as qml

    wires = operation.wires
    if not operation.has_matrix or not 0 < len(wires) <= MATRIX_WIRES:
        raise Unsupported(
            f"{where} cannot be decomposed: PennyLane knows no decomposition of it, and only the matrix of a unitary "
            f"on at most {MATRIX_WIRES} wires is decomposed here."
        )
    matrix = np.asarray(qml.matrix(operation, wire_order=wires), dtype=np.complex128)
    if matrix.shape != (2 ** len(wires),) * 2:
        raise Unsupported(
            f"{where} acts on something else than single qubits: its matrix has the shape {matrix.shape} on "
            f"{len(wires)} wires."
        )
    if not np.allclose(matrix @ matrix.conj().T, np.eye(len(matrix)), rtol=0.0, atol=1e-9):
        raise Unsupported(f"{where} is not unitary (its matrix U has U·U† ≠ 1), and circuits here are.")
    found = _generated(operation)
    return _evolution(*found, matrix, wires) if found is not None else [qml.QubitUnitary(matrix, wires)]


def _generated(operation: Any) -> tuple[float, NDArray[np.complex128]] | None:
    """(x, G) of an operation exp(ixG), G Hermitian; None for what is not given in this form."""
    import pennylane as qml

    if isinstance(operation, qml.ops.Exp):
        value, generator = operation.coeff / 1j, operation.base
    elif operation.num_params == 1 and operation.has_generator:
        value, generator = operation.parameters[0], operation.generator()
    else:
        return None
    dense = np.asarray(qml.matrix(generator, wire_order=operation.wires), dtype=np.complex128)
    hermitian = np.allclose(dense, dense.conj().T, rtol=0.0, atol=1e-12)
    return (float(np.real(value)), dense) if hermitian and abs(np.imag(value)) < 1e-12 else None


def _evolution(x: float, generator: NDArray[np.complex128], matrix: NDArray[np.complex128], wires: Any) -> list[Any]:
    """exp(ixG) = V · exp(ix·diag(λ)) · V† with G = V·diag(λ)·V†; the diagonal is a phase and MultiRZ, linear in x."""
    import pennylane as qml

    energies, vectors = np.linalg.eigh(generator)
    ours = (vectors * np.exp(1j * x * energies)) @ vectors.conj().T
    if ours.shape != matrix.shape or not np.allclose(ours, matrix, rtol=0.0, atol=1e-9):
        return [qml.QubitUnitary(matrix, wires)]
    n = len(wires)
    signs = 1 - 2 * every_string(n).astype(np.int64)
    turns: list[Any] = [qml.GlobalPhase(-x * float(np.mean(energies)))]
    for size in range(1, n + 1):
        for places in combinations(range(n), size):
            weight = float(np.mean(energies * signs[:, places].prod(axis=1)))
            if abs(weight) > 1e-12:
                turns.append(qml.MultiRZ(-2.0 * x * weight, [wires[place] for place in places]))
    basis = qml.QubitUnitary(vectors, wires)
    return [qml.adjoint(basis), *turns, basis]
