"""Circuits to PennyLane, and from any PennyLane function by decomposition and by watching its angles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from qhn_core.checks import check_int
from qhn_core.circuits.gates import FIXED, MAX_GATES, Gate
from qhn_core.circuits.lowering import GATES, lower
from qhn_core.circuits.phased import PHASE, Lowered
from qhn_core.circuits.qnodes import QNodeTapes
from qhn_core.errors import InvalidArgument, QHNError, Unsupported
from qhn_core.extras import require

#: PennyLane records operations on one process-wide stack: whoever builds or runs its circuits in a thread holds this.
PENNYLANE_LOCK = threading.RLock()
#: Angles may differ this much, relative to their size, from scale·θ + offset.
_TOLERANCE = 1e-9
#: The same for angles in single precision, whose last digit is at 6e-8.
_SINGLE = 1e-6


def apply_gates(gates: Sequence[Gate], theta: Any, *, n_params: int, wires: Sequence[Any]) -> None:
    """Queue ``gates`` in PennyLane; theta (P,) or (B, P) of any of its interfaces."""
    require("pennylane", purpose="A circuit as PennyLane's")
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


def _record(function: Callable[[Any], Any], theta: NDArray[np.float64]) -> Any:
    """What a plain function applies, as a tape."""
    import pennylane as qml

    with qml.queuing.AnnotatedQueue() as queue:
        function(theta)
    return qml.tape.QuantumScript.from_queue(queue)


def _trace(tapes: Callable[[Any], Any], theta: NDArray[np.float64]) -> tuple[Any, list[Lowered]]:
    """The tape at ``theta``, and its gates."""
    import pennylane as qml

    with PENNYLANE_LOCK:
        try:
            tape = tapes(theta)
            (tape,), _ = qml.transforms.convert_to_numpy_parameters(tape)
        except QHNError:
            raise
        except Exception as error:
            raise InvalidArgument(
                "function",
                expected=f"a quantum function of one argument, theta of shape {theta.shape}",
                got=f"{type(error).__name__}: {error}",
                remedy="Check n_params.",
            ) from error
        found: list[Lowered] = []
        with qml.QueuingManager.stop_recording():
            for position, operation in enumerate(tape.operations):
                _extend(found, operation, f"Gate {position}, {operation.name} on wires {list(operation.wires.labels)},")
    return tape, found


def _extend(found: list[Lowered], operation: Any, source: str) -> None:
    """Append the gates of ``operation``; what PennyLane itself fails at is told with the gate's name."""
    try:
        for gate in lower(operation, source):
            if gate.name != PHASE:
                found.append(gate)
            if len(found) > MAX_GATES:
                raise Unsupported(f"The circuit has more than {MAX_GATES} gates.")
    except QHNError:
        raise
    except Exception as error:
        raise InvalidArgument(
            "function",
            expected="operations that PennyLane can decompose",
            got=f"{type(error).__name__}: {error}",
            remedy=f"It came from {source.rstrip(',')}.",
        ) from error


def gates_from_pennylane(
    function: Callable[[Any], Any], n_params: int, *, n_qubits: int | None = None
) -> tuple[int, tuple[Gate, ...]]:
    """(N, gates) of a PennyLane function; see ``Circuit.from_pennylane``."""
    require("pennylane", purpose="A circuit from PennyLane")
    import pennylane as qml

    check_int("n_params", n_params, low=0)
    node = QNodeTapes(function) if isinstance(function, qml.QNode) else None
    tapes = node or partial(_record, function)
    points = _points(n_params)
    tape, first = _trace(tapes, points[0])
    traces = [first, *(_trace(tapes, point)[1] for point in points[1:])]
    for other in traces[1:]:
        if not _same_gates(first, other):
            _refuse_gates(first, other, again=_trace(tapes, points[0])[1])
    angles = np.array([[step.angle for step in trace] for trace in traces]).reshape(len(points), -1)
    size, place = _wire_places(first, n_qubits) if node is None else _node_places(node.wires(tape), first, n_qubits)
    gates = []
    for k, step in enumerate(first):
        wires = tuple(place[label] for label in step.wires)
        if step.name in FIXED:
            gates.append(Gate(step.name, wires))
            continue
        fit = _fit(points, angles[:, k])
        if fit is None:
            rounded = _fit(points, angles[:, k], _SINGLE)
            single = rounded is not None and rounded[0] is not None
            raise Unsupported(_single(step) if single else _why_not(tapes, points[0], step, k))
        gates.append(Gate(step.name, wires, *fit))
    return size, tuple(gates)


def _points(n_params: int) -> NDArray[np.float64]:
    """Generic theta, (7, P), at which affine angles show: some close together, some past π on either side of 0."""
    rng = np.random.default_rng(7)
    near, far = rng.uniform(0.2, 2.0, (4, n_params)), rng.uniform(3.3, 9.0, (2, n_params))
    signs = rng.choice([-1.0, 1.0], n_params)
    return np.concatenate([near, far * signs * [[1.0], [-1.0]], rng.uniform(-9.0, 9.0, (1, n_params))])


def _same_gates(first: list[Lowered], second: list[Lowered]) -> bool:
    return [(gate.name, gate.wires) for gate in first] == [(gate.name, gate.wires) for gate in second]


def _refuse_gates(first: list[Lowered], second: list[Lowered], *, again: list[Lowered]) -> NoReturn:
    """Say why the gates at one theta are not those at another; ``again`` are those of the first, made anew."""
    differ = [(a, b) for a, b in zip(first, second, strict=False) if (a.name, a.wires) != (b.name, b.wires)]
    a, b = differ[0] if differ else (max(first, second, key=len)[-1],) * 2
    if not _same_gates(first, again):
        raise Unsupported(f"{a.source} becomes other gates from call to call; give it a seed, or numbers.")
    if a.numeric and b.numeric:
        raise Unsupported(_numeric(a))
    what = f"{a.source} becomes {a.name} on {list(a.wires)} at one theta and {b.name} on {list(b.wires)} at another"
    raise Unsupported(
        f"The gates themselves depend on theta: {what if differ else 'their number changes'}. Only angles may depend "
        "on it."
    )


def _wire_places(trace: list[Lowered], n_qubits: int | None) -> tuple[int, dict[Any, int]]:
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


def _node_places(labels: Sequence[Any], trace: list[Lowered], n_qubits: int | None) -> tuple[int, dict[Any, int]]:
    """(N, label -> wire) of a QNode whose wires have these labels, idle ones included."""
    beyond = [label for label in dict.fromkeys(w for step in trace for w in step.wires) if label not in labels]
    if beyond:
        raise Unsupported(f"The QNode uses the wires {beyond}, which its device, with {list(labels)}, lacks.")
    size = len(labels) if n_qubits is None else check_int("n_qubits", n_qubits, low=1)
    if size < len(labels):
        raise InvalidArgument("n_qubits", expected=f"at least {len(labels)}, the QNode's wires", got=n_qubits)
    return max(size, 1), {label: wire for wire, label in enumerate(labels)}


def _fit(
    points: NDArray[np.float64], angles: NDArray[np.float64], tolerance: float = _TOLERANCE
) -> tuple[int | None, float, float] | None:
    """(param, scale, offset) with angle = scale·θ[param] + offset at every point, or None."""
    allowed = tolerance * (1.0 + np.abs(angles).max())
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


def _where(step: Lowered) -> str:
    return step.source if step.name in step.source else f"{step.source} decomposed to {step.name},"


def _numeric(step: Lowered) -> str:
    return (
        f"{step.source} depends on theta, and no decomposition of it into {GATES} is known that keeps a parameter: its "
        "matrix can only be decomposed number by number. Write it with rotations, or give it numbers."
    )


def _single(step: Lowered) -> str:
    return (
        f"{_where(step)} has an angle that is scale·theta[k] + offset in single precision only: it was rounded, as by "
        "a cast to float32. Keep theta and what is made of it in double precision (float64)."
    )


def _why_not(tapes: Callable[[Any], Any], point: NDArray[np.float64], step: Lowered, k: int) -> str:
    """Why the angle of gate ``k`` is not scale·θ[param] + offset, by moving one parameter at a time."""
    where = _where(step)
    _, again = _trace(tapes, point)
    if k >= len(again) or again[k].angle != step.angle:
        return f"{where} has an angle that changes from call to call."
    acting = []
    for param in range(len(point)):
        moved = point.copy()
        moved[param] += 0.37
        _, trace = _trace(tapes, moved)
        if k >= len(trace) or abs(trace[k].angle - step.angle) > 1e-10:
            acting.append(param)
    if step.numeric:
        return _numeric(step)
    if len(acting) > 1:
        names = " and ".join(map(str, acting))
        return (
            f"{where} has an angle that mixes the parameters {names}. An angle may be scale·theta[k] + offset with one "
            "k: rotations about one axis with one parameter each, one after the other, add up to the same."
        )
    which = f"parameter {acting[0]}" if acting else "any parameter"
    return f"{where} has an angle that is not linear in {which}. An angle may be scale·theta[k] + offset."
