"""Circuits to PennyLane, and from any PennyLane function by decomposition and by watching its angles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.checks import check_int
from qhn_core.errors import InvalidArgument, QHNError, Unsupported, shorten
from qhn_core.gates import FIXED, ROTATIONS, Gate

#: PennyLane records operations on one process-wide stack: whoever builds or runs its circuits in a thread holds this.
PENNYLANE_LOCK = threading.RLock()
#: Angles may differ this much, relative to their size, from scale·θ + offset.
_TOLERANCE = 1e-9
_MAX_GATES = 100_000
_DEEPEST = 64


def apply_gates(gates: Sequence[Gate], theta: Any, *, n_params: int, wires: Sequence[Any]) -> None:
    """Queue ``gates`` in PennyLane; theta (P,) or (B, P) of any of its interfaces."""
    import pennylane as qml

    if not hasattr(theta, "shape"):
        theta = np.asarray(theta, dtype=np.float64)
    if theta.ndim not in (1, 2) or theta.shape[-1] != n_params:
        raise InvalidArgument(
            "theta", expected=f"shape ({n_params},) or (batch, {n_params})", got=f"shape {tuple(theta.shape)}"
        )
    for gate in gates:
        operation = getattr(qml, gate.name)
        labels = [wires[w] for w in gate.wires]
        if gate.is_rotation:
            operation(gate.angle(theta), wires=labels)
        else:
            operation(wires=labels)


class _Lowered(NamedTuple):
    """One gate of ours, and the operation it came from."""

    name: str
    wires: tuple[Any, ...]
    angle: float
    source: str


def _lower(operation: Any, source: str, depth: int = 0) -> Iterator[_Lowered]:
    """``operation`` as gates of ours, up to a global phase."""
    import pennylane as qml

    name, labels = operation.name, tuple(operation.wires.labels)
    if name in FIXED:
        yield _Lowered(name, labels, 0.0, source)
    elif name in ROTATIONS or name in ("PhaseShift", "U1"):
        (angle,) = operation.parameters
        if np.ndim(angle) != 0 or not np.isfinite(angle):
            raise Unsupported(f"{source} has the angle {shorten(angle)}; one finite number is needed, not a batch.")
        yield _Lowered(name if name in ROTATIONS else "RZ", labels, float(np.real(angle)), source)
    elif name == "CRot":  # PennyLane's own decomposition adds two of its angles up in one gate
        phi, theta, omega = operation.parameters
        for part in (qml.CRZ(phi, labels), qml.CRY(theta, labels), qml.CRZ(omega, labels)):
            yield from _lower(part, source, depth + 1)
    elif name == "Exp" and operation.base.name == "Identity":
        return  # a global phase
    else:
        for part in _decomposition(operation, source, depth):
            yield from _lower(part, source, depth + 1)


def _decomposition(operation: Any, source: str, depth: int) -> list[Any]:
    if isinstance(operation, _classical()) or not operation.has_decomposition or depth > _DEEPEST:
        inside = "" if operation.name in source else f" (in it, {operation.name})"
        raise Unsupported(
            f"{source}{inside} cannot be written with {', '.join([*ROTATIONS, *FIXED])}. Circuits here are unitary: "
            "no measurements, channels or conditions inside."
        )
    parts: list[Any] = operation.decomposition()
    return parts


def _classical() -> tuple[type, ...]:
    import pennylane as qml

    return (qml.ops.Conditional, qml.ops.MidMeasure)


def _trace(function: Callable[[Any], Any], theta: NDArray[np.float64]) -> list[_Lowered]:
    """The gates that ``function(theta)`` applies."""
    import pennylane as qml

    with PENNYLANE_LOCK:
        try:
            with qml.queuing.AnnotatedQueue() as queue:
                function(theta)
            operations = qml.tape.QuantumScript.from_queue(queue).operations
        except QHNError:
            raise
        except Exception as error:
            raise InvalidArgument(
                "function",
                expected=f"a quantum function of one argument, theta of shape {theta.shape}",
                got=f"{type(error).__name__}: {error}",
                remedy="Check n_params.",
            ) from error
        found: list[_Lowered] = []
        with qml.QueuingManager.stop_recording():
            for position, operation in enumerate(operations):
                source = f"Gate {position}, {operation.name} on wires {list(operation.wires.labels)},"
                found.extend(_lower(operation, source))
                if len(found) > _MAX_GATES:
                    raise Unsupported(f"The circuit has more than {_MAX_GATES} gates.")
    return found


def gates_from_pennylane(
    function: Callable[[Any], Any], n_params: int, *, n_qubits: int | None = None
) -> tuple[int, tuple[Gate, ...]]:
    """(N, gates) of a PennyLane function; see ``Circuit.from_pennylane``."""
    import pennylane as qml

    check_int("n_params", n_params, low=0)
    if isinstance(function, qml.QNode):
        function = function.func
    # Affine angles show at any few generic points; some lie close together, some far apart and on both sides of 0.
    rng = np.random.default_rng(7)
    points = np.concatenate([rng.uniform(0.2, 2.0, (4, n_params)), rng.uniform(-9.0, 9.0, (3, n_params))])
    traces = [_trace(function, point) for point in points]
    for other in traces[1:]:
        _check_same_gates(traces[0], other)
    angles = np.array([[step.angle for step in trace] for trace in traces]).reshape(len(points), -1)
    size, place = _wire_places(traces[0], n_qubits)
    gates = []
    for k, step in enumerate(traces[0]):
        wires = tuple(place[label] for label in step.wires)
        if step.name in FIXED:
            gates.append(Gate(step.name, wires))
            continue
        fit = _fit(points, angles[:, k])
        if fit is None:
            raise Unsupported(_why_not(function, points[0], step, k))
        gates.append(Gate(step.name, wires, *fit))
    return size, tuple(gates)


def _check_same_gates(first: list[_Lowered], second: list[_Lowered]) -> None:
    for a, b in zip(first, second, strict=False):
        if (a.name, a.wires) != (b.name, b.wires):
            raise Unsupported(
                f"The gates themselves depend on theta: {a.source} becomes {a.name} on {list(a.wires)} at one theta "
                f"and {b.name} on {list(b.wires)} at another. Only angles may depend on it."
            )
    if len(first) != len(second):
        raise Unsupported("The gates themselves depend on theta: their number changes. Only angles may depend on it.")


def _wire_places(trace: list[_Lowered], n_qubits: int | None) -> tuple[int, dict[Any, int]]:
    """(N, label -> wire): whole numbers stand for themselves, other labels are numbered as they first occur."""
    labels = list(dict.fromkeys(label for step in trace for label in step.wires))
    if all(isinstance(label, (int, np.integer)) and label >= 0 for label in labels):
        place = {label: int(label) for label in labels}
    else:
        place = {label: wire for wire, label in enumerate(labels)}
    needed = 1 + max(place.values(), default=0)
    size = needed if n_qubits is None else check_int("n_qubits", n_qubits, low=1)
    if size < needed:
        raise InvalidArgument("n_qubits", expected=f"at least {needed}, the wires used", got=n_qubits)
    return size, place


def _fit(points: NDArray[np.float64], angles: NDArray[np.float64]) -> tuple[int | None, float, float] | None:
    """(param, scale, offset) with angle = scale·θ[param] + offset at every point, or None."""
    allowed = _TOLERANCE * (1.0 + np.abs(angles).max())
    if np.ptp(angles) <= allowed:
        return None, 1.0, _tidy(angles[0])
    if not points.shape[1]:
        return None
    scales = (angles[-1] - angles[0]) / (points[-1] - points[0])
    offsets = angles[0] - scales * points[0]
    errors = np.abs(points * scales + offsets - angles[:, None]).max(axis=0)
    best = int(errors.argmin())
    if errors[best] > allowed:
        return None
    return best, _tidy(scales[best], unit=1.0 / 48), _tidy(offsets[best])


def _tidy(value: float, *, unit: float = np.pi / 48) -> float:
    """``value``, freed from rounding errors where it is a simple fraction (of 1, or of π)."""
    near = round(value / unit) * unit
    return float(near) if abs(near - value) < 1e-12 else float(value)


def _why_not(function: Callable[[Any], Any], point: NDArray[np.float64], step: _Lowered, k: int) -> str:
    """Why the angle of gate ``k`` is not scale·θ[param] + offset, by moving one parameter at a time."""
    where = step.source if step.name in step.source else f"{step.source} decomposed to {step.name},"
    again = _trace(function, point)
    if k >= len(again) or again[k].angle != step.angle:
        return f"{where} has an angle that changes from call to call."
    acting = []
    for param in range(len(point)):
        moved = point.copy()
        moved[param] += 0.37
        trace = _trace(function, moved)
        if k >= len(trace) or abs(trace[k].angle - step.angle) > 1e-12:
            acting.append(param)
    if len(acting) > 1:
        names = " and ".join(map(str, acting))
        return (
            f"{where} has an angle that mixes the parameters {names}. An angle may be scale·theta[k] + offset with one "
            "k: rotations about one axis with one parameter each, one after the other, add up to the same."
        )
    which = f"parameter {acting[0]}" if acting else "any parameter"
    return f"{where} has an angle that is not linear in {which}. An angle may be scale·theta[k] + offset."
