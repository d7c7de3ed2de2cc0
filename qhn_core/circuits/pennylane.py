"""Circuits to PennyLane, and from any PennyLane function by decomposition and by watching its angles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from qhn_core.checks import check_finite, check_int
from qhn_core.circuits.affine import fit, generic_points, rounded_away
from qhn_core.circuits.gates import FIXED, MAX_GATES, Gate
from qhn_core.circuits.lowering import GATES, lower
from qhn_core.circuits.phased import PHASE, Lowered
from qhn_core.circuits.qnodes import QNodeTapes, node_of
from qhn_core.circuits.recording import record, refuse_idle
from qhn_core.errors import InvalidArgument, QHNError, Unsupported
from qhn_core.extras import require

#: PennyLane records operations on one process-wide stack: whoever builds or runs its circuits in a thread holds this.
PENNYLANE_LOCK = threading.RLock()


def apply_gates(gates: Sequence[Gate], theta: Any, *, n_params: int, wires: Sequence[Any]) -> None:
    """Queue ``gates`` in PennyLane; theta (P,) or (B, P) of any of its interfaces."""
    require("pennylane", purpose="A circuit as PennyLane's")
    import pennylane as qml

    if not hasattr(theta, "shape"):
        theta = check_finite("theta", theta)
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


class _Trace(NamedTuple):
    """What a function applies at one theta: PennyLane's tape, and its gates as ours."""

    tape: Any
    gates: list[Lowered]


def _trace(tapes: Callable[[Any], Any], theta: NDArray[np.float64]) -> _Trace:
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
                _extend(found, operation, f"{_place(position, operation)},")
    return _Trace(tape, found)


def _place(position: int, operation: Any) -> str:
    return f"Gate {position}, {operation.name} on wires {list(operation.wires.labels)}"


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
    n_params = check_int("n_params", n_params, low=0)
    node = QNodeTapes(function) if node_of(function) is not None else None
    tapes = node or partial(record, function)
    points = generic_points(n_params)
    traces = [_trace(tapes, point) for point in points]
    if node is None and n_params:
        refuse_idle(trace.tape for trace in traces)
    first = traces[0].gates
    for other in traces[1:]:
        if not _same_gates(first, other.gates):
            _refuse_gates(traces[0], other, again=_trace(tapes, points[0]))
    angles = np.array([[step.angle for step in trace.gates] for trace in traces]).reshape(len(points), -1)
    size, place = (
        _wire_places(first, n_qubits) if node is None else _node_places(node.wires(traces[0].tape), first, n_qubits)
    )
    gates = []
    for k, step in enumerate(first):
        wires = tuple(place[label] for label in step.wires)
        if step.name in FIXED:
            gates.append(Gate(step.name, wires))
            continue
        found = fit(points, angles[:, k])
        if found is None:
            hidden = rounded_away(points, angles[:, k])
            raise Unsupported(_rounded(step, hidden) if hidden else _why_not(tapes, points[0], step, k))
        gates.append(Gate(step.name, wires, *found))
    return size, tuple(gates)


def _same_gates(first: list[Lowered], second: list[Lowered]) -> bool:
    return [(gate.name, gate.wires) for gate in first] == [(gate.name, gate.wires) for gate in second]


def _refuse_gates(first: _Trace, second: _Trace, *, again: _Trace) -> NoReturn:
    """Say why the gates at one theta are not those at another; ``again`` are those of the first, made anew."""
    random = not _same_gates(first.gates, again.gates)
    other = again if random else second
    step, become = _different_gates(first.gates, other.gates), _different_operations(first.tape, other.tape)
    if random:
        raise Unsupported(f"{step.source} becomes other gates from call to call; give it a seed, or numbers.")
    if step.numeric and not become:
        raise Unsupported(_numeric(step))
    become = become or f"{step.source} is decomposed to others at one theta than at another"
    raise Unsupported(f"The gates themselves depend on theta: {become}. Only angles may depend on it.")


def _different_operations(first: Any, second: Any) -> str:
    """How the operations at one theta differ from those at another; empty where only their parameters do."""
    for position, (a, b) in enumerate(zip(first.operations, second.operations, strict=False)):
        if (a.name, a.wires) != (b.name, b.wires):
            return f"{_place(position, a)}, at one theta is {b.name} on wires {list(b.wires.labels)} at another"
    return "" if len(first.operations) == len(second.operations) else "their number changes"


def _different_gates(first: list[Lowered], second: list[Lowered]) -> Lowered:
    """A gate of the first operation that becomes other gates; one that came from a matrix, if there is any."""
    for source in dict.fromkeys(gate.source for gate in (*first, *second)):
        mine, theirs = ([gate for gate in gates if gate.source == source] for gates in (first, second))
        if not _same_gates(mine, theirs):
            break
    return max((*mine, *theirs), key=lambda gate: gate.numeric)


def _wire_places(trace: list[Lowered], n_qubits: int | None) -> tuple[int, dict[Any, int]]:
    """(N, label -> wire): whole numbers stand for themselves, other labels are numbered as they first occur."""
    labels = list(dict.fromkeys(label for step in trace for label in step.wires))
    place: dict[Any, int] = {label: number for label in labels if (number := _whole(label)) is not None}
    if len(place) < len(labels):
        place = {label: wire for wire, label in enumerate(labels)}
    needed = 1 + max(place.values(), default=0)
    size = needed if n_qubits is None else check_int("n_qubits", n_qubits, low=1)
    if size < needed:
        raise InvalidArgument("n_qubits", expected=f"at least {needed}, the wires used", got=n_qubits)
    return size, place


def _whole(label: Any) -> int | None:
    """The whole number for which PennyLane takes a label, as 2 for 2.0; None for any other."""
    try:
        number = int(label.real)
    except (AttributeError, TypeError, ValueError, OverflowError):  # no number, or not a finite one
        return None
    return number if number >= 0 and number == label else None


def _node_places(labels: Sequence[Any], trace: list[Lowered], n_qubits: int | None) -> tuple[int, dict[Any, int]]:
    """(N, label -> wire) of a QNode whose wires have these labels, idle ones included."""
    beyond = [label for label in dict.fromkeys(w for step in trace for w in step.wires) if label not in labels]
    if beyond:
        raise Unsupported(f"The QNode uses the wires {beyond}, which its device, with {list(labels)}, lacks.")
    size = len(labels) if n_qubits is None else check_int("n_qubits", n_qubits, low=1)
    if size < len(labels):
        raise InvalidArgument("n_qubits", expected=f"at least {len(labels)}, the QNode's wires", got=n_qubits)
    return max(size, 1), {label: wire for wire, label in enumerate(labels)}


def _where(step: Lowered) -> str:
    return step.source if step.name in step.source else f"{step.source} decomposed to {step.name},"


def _numeric(step: Lowered) -> str:
    return (
        f"{step.source} depends on theta, and no decomposition of it into {GATES} is known that keeps a parameter: its "
        "matrix can only be decomposed number by number. Write it with rotations, or give it numbers."
    )


def _rounded(step: Lowered, hidden: str) -> str:
    """``hidden`` as ``rounded_away`` has it."""
    if hidden == "size":
        return (
            f"{_where(step)} has an angle so large that theta's part in it is rounded away. Angles repeat after 4π: "
            "leave multiples of it out."
        )
    return (
        f"{_where(step)} has an angle that is scale·theta[k] + offset in single precision only: it was rounded, as by "
        "a cast to float32. Keep theta and what is made of it in double precision (float64)."
    )


def _why_not(tapes: Callable[[Any], Any], point: NDArray[np.float64], step: Lowered, k: int) -> str:
    """Why the angle of gate ``k`` is not scale·θ[param] + offset, by moving one parameter at a time."""
    where = _where(step)
    again = _trace(tapes, point).gates
    if k >= len(again) or again[k].angle != step.angle:
        return f"{where} has an angle that changes from call to call."
    acting = []
    for param in range(len(point)):
        moved = point.copy()
        moved[param] += 0.37
        trace = _trace(tapes, moved).gates
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
