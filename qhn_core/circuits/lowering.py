"""PennyLane operations as gates of this package: by PennyLane's decompositions, by rules of our own, by matrices.

A rule of our own is needed where PennyLane decomposes the matrix of an operation instead of the operation itself: the
gates are right, but the parameter is lost in their angles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.gates import FIXED, ROTATIONS
from qhn_core.errors import Unsupported, shorten

GATES = ", ".join([*ROTATIONS, *FIXED])
_DEEPEST = 64
#: Most wires of an operation that is decomposed by its matrix: about 4**wires gates.
_MATRIX_WIRES = 4


class Lowered(NamedTuple):
    """One gate of ours."""

    name: str
    wires: tuple[Any, ...]
    angle: float
    source: str  #: the operation it came from, for messages
    numeric: bool  #: whether it came from a matrix of numbers, in which no parameter can be followed


def lower(operation: Any, source: str, *, depth: int = 0, numeric: bool = False) -> Iterator[Lowered]:
    """``operation`` as gates of ours, up to a global phase.

    Raises:
        Unsupported: it is not unitary, or no decomposition of it is known; ``source`` says where it came from.
    """
    name, labels = operation.name, tuple(operation.wires.labels)
    if name in FIXED:
        yield Lowered(name, labels, 0.0, source, numeric)
    elif name in ROTATIONS or name in ("PhaseShift", "U1"):
        angle = _number(operation.parameters[0], source)
        yield Lowered(name if name in ROTATIONS else "RZ", labels, angle, source, numeric)
    elif name == "Exp" and operation.base.name == "Identity":
        return  # a global phase
    else:
        numeric = numeric or "QubitUnitary" in name or _opaque(operation)
        for part in _parts(operation, source, depth):
            yield from lower(part, source, depth=depth + 1, numeric=numeric)


def _number(angle: Any, source: str) -> float:
    if np.ndim(angle) != 0 or not np.isfinite(angle) or abs(np.imag(angle)) > 1e-12:
        raise Unsupported(f"{source} has the angle {shorten(angle)}; one finite number is needed, not a batch.")
    return float(np.real(angle))


def _parts(operation: Any, source: str, depth: int) -> list[Any]:
    """Simpler operations that make up ``operation``, in the order in which they are applied."""
    if depth > _DEEPEST or isinstance(operation, _not_unitary()):
        raise Unsupported(
            f"{_inside(operation, source)} cannot be written with {GATES}. Circuits here are unitary: no measurements, "
            "channels or conditions inside."
        )
    found: list[Any] | None = _controlled(operation)
    small = _opaque(operation) and len(operation.wires) <= _MATRIX_WIRES
    if found is None and operation.has_decomposition and not small:
        found = operation.decomposition()
    return found if found is not None else _by_matrix(operation, source)


def _opaque(operation: Any) -> bool:
    """Whether it is something with a parameter under controls, of which PennyLane can only decompose the matrix."""
    import pennylane as qml

    controlled = isinstance(operation, qml.ops.Controlled) and operation.num_params > 0
    return bool(controlled and not operation.base.has_decomposition and operation.base.name not in ROTATIONS)


@lru_cache(maxsize=1)
def _not_unitary() -> tuple[type, ...]:
    import pennylane as qml

    return (qml.ops.Conditional, qml.ops.MidMeasure, qml.operation.Channel)


def _inside(operation: Any, source: str) -> str:
    return source if operation.name in source else f"{source} (in it, {operation.name})"


# ---------------------------------------------------------------------------------------- controlled operations


def _controlled(operation: Any) -> list[Any] | None:
    """Controls on an operation of one wire that has a parameter; None where PennyLane's decomposition keeps it."""
    import pennylane as qml

    if not isinstance(operation, qml.ops.Controlled) or operation.name in ("CRX", "CRY", "CRZ"):
        return None
    base, controls = operation.base, list(operation.control_wires)
    if not operation.num_params or len(base.wires) != 1 or base.name in ("PhaseShift", "QubitUnitary"):
        return None
    if base.name in ("RX", "RY", "RZ"):
        parts = _controlled_rotation(base.name, base.parameters[0], controls, base.wires[0])
    elif base.has_decomposition:
        parts = [qml.ctrl(part, controls) for part in base.decomposition()]
    else:
        return None
    flips = [qml.X(wire) for wire, on in zip(controls, operation.control_values, strict=True) if not on]
    return [*flips, *parts, *flips]


def _controlled_rotation(name: str, angle: Any, controls: list[Any], wire: Any) -> list[Any]:
    """C^k R(θ) = C^kX · R(−θ/2) · C^kX · R(θ/2) for RY and RZ, which X inverts; RX is RZ between Hadamards."""
    import pennylane as qml

    rotation = qml.RY if name == "RY" else qml.RZ
    flip = qml.ctrl(qml.X(wire), controls)
    parts = [rotation(0.5 * angle, wire), flip, rotation(-0.5 * angle, wire), flip]
    return [qml.H(wire), *parts, qml.H(wire)] if name == "RX" else parts


# --------------------------------------------------------------------------------------------------- matrices


def _by_matrix(operation: Any, source: str) -> list[Any]:
    """An operation without a decomposition: exp(ixG) with x kept, or else the matrix as it stands."""
    import pennylane as qml

    where, wires = _inside(operation, source), operation.wires
    if not operation.has_matrix or len(wires) > _MATRIX_WIRES:
        raise Unsupported(
            f"{where} cannot be written with {GATES}: PennyLane knows no decomposition of it, and only the matrix of a "
            f"unitary on at most {_MATRIX_WIRES} wires is decomposed here."
        )
    matrix = np.asarray(qml.matrix(operation, wire_order=wires), dtype=np.complex128)
    if matrix.ndim != 2 or not np.allclose(matrix @ matrix.conj().T, np.eye(len(matrix)), rtol=0.0, atol=1e-9):
        raise Unsupported(f"{where} is not unitary (its matrix U has U·U† ≠ 1), and circuits here are.")
    found = _generated(operation)
    return _evolution(*found, matrix, wires) if found is not None else [qml.QubitUnitary(matrix, wires)]


def _generated(operation: Any) -> tuple[float, NDArray[np.complex128]] | None:
    """(x, G) of an operation exp(ixG), G Hermitian; None for what is not given in this form."""
    import pennylane as qml

    if isinstance(operation, qml.ops.Controlled):
        inner = _generated(operation.base)
        return None if inner is None else (inner[0], _under_controls(inner[1], operation.control_values))
    if isinstance(operation, qml.ops.Exp):
        value, generator = operation.coeff / 1j, operation.base
    elif operation.num_params == 1 and operation.has_generator:
        value, generator = operation.parameters[0], operation.generator()
    else:
        return None
    dense = np.asarray(qml.matrix(generator, wire_order=operation.wires), dtype=np.complex128)
    hermitian = np.allclose(dense, dense.conj().T, rtol=0.0, atol=1e-12)
    return (float(np.real(value)), dense) if hermitian and abs(np.imag(value)) < 1e-12 else None


def _under_controls(generator: NDArray[np.complex128], values: Sequence[bool]) -> NDArray[np.complex128]:
    """G where all controls, which come first, have their values, and 0 elsewhere."""
    size = len(generator)
    first = size * int("".join("1" if on else "0" for on in values), 2)
    found = np.zeros((size << len(values),) * 2, dtype=np.complex128)
    found[first : first + size, first : first + size] = generator
    return found


def _evolution(x: float, generator: NDArray[np.complex128], matrix: NDArray[np.complex128], wires: Any) -> list[Any]:
    """exp(ixG) = V · exp(ix·diag(λ)) · V† with G = V·diag(λ)·V†; the diagonal is a product of MultiRZ, linear in x."""
    import pennylane as qml

    energies, vectors = np.linalg.eigh(generator)
    ours = (vectors * np.exp(1j * x * energies)) @ vectors.conj().T
    if ours.shape != matrix.shape or not np.allclose(ours, matrix, rtol=0.0, atol=1e-9):
        return [qml.QubitUnitary(matrix, wires)]
    n = len(wires)
    signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)[::-1]) & 1)
    turns = []
    for size in range(1, n + 1):
        for places in combinations(range(n), size):
            weight = np.mean(energies * signs[:, places].prod(axis=1))
            if abs(weight) > 1e-12:
                turns.append(qml.MultiRZ(-2.0 * x * weight, [wires[place] for place in places]))
    return [qml.QubitUnitary(vectors.conj().T, wires), *turns, qml.QubitUnitary(vectors, wires)]
