"""PennyLane operations without a decomposition, by their matrices: exp(ixG) with x kept, or else as numbers."""

from __future__ import annotations

from copy import copy
from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import every_string
from qhn_core.errors import Unsupported

#: Most wires of an operation that is decomposed by its matrix: about 4**wires gates.
MATRIX_WIRES = 4
#: How far U·U† may be from 1: numbers in single precision, or written with seven digits, are meant as unitary.
_UNITARY = 1e-6


def parts_of_matrix(operation: Any, where: str) -> list[Any]:
    """Operations whose product is the matrix of ``operation``; ``where`` names it in messages.

    Raises:
        Unsupported: it has no matrix, one on too many wires, or one that is not unitary.
    """
    import pennylane as qml

    matrix, wires = _small_matrix(operation, where), operation.wires
    if matrix.shape != (2 ** len(wires),) * 2:
        raise Unsupported(
            f"{where} acts on something else than single qubits: its matrix has the shape {matrix.shape} on "
            f"{len(wires)} wires."
        )
    _refuse_unless(_unitary(matrix), where)
    found = _generated(operation)
    return _evolution(*found, matrix, wires) if found is not None else [qml.QubitUnitary(matrix, wires)]


def _small_matrix(operation: Any, where: str) -> NDArray[np.complex128]:
    wires = operation.wires
    if not operation.has_matrix or not 0 < len(wires) <= MATRIX_WIRES:
        raise Unsupported(
            f"{where} cannot be decomposed: PennyLane knows no decomposition of it, and only the matrix of a unitary "
            f"on at most {MATRIX_WIRES} wires is decomposed here."
        )
    return dense(operation, wires)


def refuse_given_matrices(operation: Any, where: str) -> None:
    """Refuse an operation made from numbers of one's own that is not unitary: PennyLane decomposes it all the same."""
    import pennylane as qml

    while isinstance(operation, (qml.ops.Pow, qml.ops.Adjoint, qml.ops.Controlled)):
        operation = operation.base
    if isinstance(operation, qml.DiagonalQubitUnitary):
        _refuse_unless(np.allclose(np.abs(operation.parameters[0]), 1.0, rtol=0.0, atol=_UNITARY), where)
    elif isinstance(operation, (qml.QubitUnitary, qml.BasisRotation)):
        matrix = operation.parameters[0]
        _refuse_unless(_unitary(matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)), where)
    elif isinstance(operation, qml.ops.Exp) and operation.base.pauli_rep is not None:
        exponents = np.multiply.outer([*operation.base.pauli_rep.values()], operation.coeff)
        _refuse_unless(bool((np.abs(exponents.real) < _UNITARY).all()), where)
    elif isinstance(operation, qml.ops.Exp):
        _refuse_unless(_unitary(_small_matrix(operation, where)), where)


def dense(operation: Any, wires: Any) -> NDArray[np.complex128]:
    """The matrix of ``operation`` on ``wires``, products within it by their factors.

    PennyLane 0.45 mixes up the wires of a product whose overlapping factors have one on another wire between them.
    """
    import pennylane as qml

    if isinstance(operation, qml.ops.Prod):
        factors = (dense(factor, wires) for factor in operation.operands)
        return reduce(np.matmul, factors, np.eye(2 ** len(wires), dtype=np.complex128))
    return np.asarray(qml.matrix(_without_products(operation), wire_order=wires), dtype=np.complex128)


def _without_products(operation: Any) -> Any:
    """``operation`` with the matrices of products in the place of these."""
    import pennylane as qml

    if isinstance(operation, qml.ops.Prod):
        return qml.QubitUnitary(dense(operation, operation.wires), operation.wires)
    if isinstance(operation, qml.ops.Sum):
        return qml.sum(*map(_without_products, operation.operands))
    if isinstance(operation, qml.ops.SymbolicOp):
        replaced = copy(operation)
        replaced.hyperparameters["base"] = _without_products(operation.base)
        return replaced
    return operation


def _unitary(matrix: NDArray[np.complex128]) -> bool:
    product = matrix @ matrix.conj().swapaxes(-1, -2)
    return np.allclose(product, np.eye(matrix.shape[-1]), rtol=0.0, atol=_UNITARY)


def _refuse_unless(unitary: bool, where: str) -> None:
    if not unitary:
        raise Unsupported(f"{where} is not unitary (its matrix U has U·U† ≠ 1), and circuits here are.")


def _generated(operation: Any) -> tuple[float, NDArray[np.complex128]] | None:
    """(x, G) of an operation exp(ixG), G Hermitian; None for what is not given in this form."""
    import pennylane as qml

    if isinstance(operation, qml.ops.Exp):
        value, generator = operation.coeff / 1j, operation.base
    elif operation.num_params == 1 and operation.has_generator:
        value, generator = operation.parameters[0], operation.generator()
    else:
        return None
    matrix = dense(generator, operation.wires)
    hermitian = np.allclose(matrix, matrix.conj().T, rtol=0.0, atol=1e-12)
    return (float(np.real(value)), matrix) if hermitian and abs(np.imag(value)) < 1e-12 else None


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
