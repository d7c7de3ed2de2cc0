"""PennyLane operations as gates of this package, global phase included.

Inverses, integer powers and controls are taken of the gates, by rules that keep angles; other operations are decomposed
by PennyLane, and what has no decomposition by its matrix. PennyLane's own way through controls would lose parameters,
as it decomposes matrices there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from qhn_core.circuits.gates import FIXED, MAX_GATES, ROTATIONS
from qhn_core.circuits.matrices import parts_of_matrix, refuse_given_matrices
from qhn_core.circuits.phased import PHASE, Lowered, controlled, controlled_x, controlled_z, inverse, phase_on, power
from qhn_core.errors import Unsupported, shorten

GATES = ", ".join([*ROTATIONS, *FIXED])
_DEEPEST = 64


def lower(operation: Any, source: str, *, depth: int = 0, numeric: bool = False) -> Iterator[Lowered]:
    """``operation`` as gates of ours and global phases, whose product is exactly its matrix.

    Raises:
        Unsupported: it is not unitary, or no decomposition of it is known; ``source`` says where it came from.
    """
    import pennylane as qml

    name, labels = operation.name, tuple(operation.wires.labels)
    if depth > _DEEPEST or isinstance(operation, _not_unitary()):
        raise Unsupported(
            f"{_inside(operation, source)} cannot be written with {GATES}. Circuits here are unitary: no measurements, "
            "channels or conditions inside."
        )
    if name in FIXED:
        yield Lowered(name, labels, 0.0, source, numeric)
    elif name in ROTATIONS:
        yield Lowered(name, labels, _number(operation.parameters[0], source), source, numeric)
    elif name == "GlobalPhase":
        yield Lowered(PHASE, (), -_number(operation.parameters[0], source), source, numeric)
    elif name in ("PhaseShift", "U1"):
        yield from phase_on(
            Lowered(name, labels, 0.0, source, numeric), labels, _number(operation.parameters[0], source)
        )
    elif isinstance(operation, qml.ops.Adjoint):
        yield from inverse(_held(operation.base, source, depth, numeric))
    elif isinstance(operation, qml.ops.Pow) and _whole(operation.z):
        yield from power(_held(operation.base, source, depth, numeric), int(operation.z))
    elif isinstance(operation, qml.ops.Controlled):
        yield from _under_controls(operation, source, depth, numeric)
    else:
        for part in _parts(operation, source):
            yield from lower(part, source, depth=depth + 1, numeric=numeric or "QubitUnitary" in name)


def _held(operation: Any, source: str, depth: int, numeric: bool) -> list[Lowered]:
    """The gates of ``operation`` as a list."""
    found: list[Lowered] = []
    for gate in lower(operation, source, depth=depth + 1, numeric=numeric):
        found.append(gate)
        if len(found) > MAX_GATES:
            raise Unsupported(f"{_inside(operation, source)} has more than {MAX_GATES} gates.")
    return found


def _whole(exponent: Any) -> bool:
    return np.ndim(exponent) == 0 and np.isrealobj(exponent) and float(exponent).is_integer()


def _number(angle: Any, source: str) -> float:
    if np.ndim(angle) != 0 or not np.isfinite(angle) or abs(np.imag(angle)) > 1e-12:
        raise Unsupported(f"{source} has the angle {shorten(angle)}; one finite real number is needed, not a batch.")
    return float(np.real(angle))


def _under_controls(operation: Any, source: str, depth: int, numeric: bool) -> Iterator[Lowered]:
    """Controls on anything: the gates of its base, each under the controls, between X on those that want a 0."""
    import pennylane as qml

    controls: list[Any] = []
    flips: list[Any] = []
    base = operation
    while isinstance(base, qml.ops.Controlled):
        controls += base.control_wires.labels
        flips += [wire for wire, on in zip(base.control_wires.labels, base.control_values, strict=True) if not on]
        base = base.base
    origin = Lowered("", (), 0.0, source, numeric)
    wire = base.wires.labels[0] if base.wires else None
    yield from (origin.like("RX", zero, angle=math.pi) for zero in flips)
    if base.name in ("PauliX", "PauliY"):
        turn = origin.like("RZ", wire, angle=math.pi / 2)
        yield from inverse([turn]) if base.name == "PauliY" else ()
        yield from controlled_x(origin, controls, wire)
        yield from [turn] if base.name == "PauliY" else ()
    elif base.name == "PauliZ":
        yield from controlled_z(origin, (*controls, wire))
    else:
        yield from controlled(_held(base, source, depth, numeric), controls)
    yield from (origin.like("RX", zero, angle=-math.pi) for zero in flips)


def _parts(operation: Any, source: str) -> list[Any]:
    """Simpler operations that make up ``operation``, in the order in which they are applied."""
    import pennylane as qml

    fraction = isinstance(operation, qml.ops.Pow)  # PennyLane's decomposition leaves the principal branch
    where = _inside(operation, source)
    refuse_given_matrices(operation, where)
    if operation.has_decomposition and not fraction:
        return list(operation.decomposition())
    return parts_of_matrix(operation, where)


@lru_cache(maxsize=1)
def _not_unitary() -> tuple[type, ...]:
    import pennylane as qml

    return (qml.ops.Conditional, qml.ops.MidMeasure, qml.ops.PauliMeasure, qml.operation.Channel)


def _inside(operation: Any, source: str) -> str:
    return source if operation.name in source else f"{source} (in it, {operation.name})"
