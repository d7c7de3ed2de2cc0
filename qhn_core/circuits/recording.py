"""What plain PennyLane functions apply, as tapes; what is no quantum function is told so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import InvalidArgument, shorten

_EXPECTED = "a quantum function, which applies operations to wires"
_NODE = (
    "One that runs a QNode gets numbers from it: pass the QNode itself, or functools.partial(node, …) where it takes "
    "more than theta."
)


def record(function: Callable[[Any], Any], theta: NDArray[np.float64]) -> Any:
    """What a plain function applies, as a tape.

    Raises:
        InvalidArgument: it returns what no quantum function does, or records a tape of its own.
    """
    import pennylane as qml

    with qml.queuing.AnnotatedQueue() as queue:
        returned = function(theta)
    strange = None if returned is theta else _strange(returned, applied=len(queue) > 0)
    if strange is not None:
        remedy = f"Let it return nothing, or measurements. {_NODE}"
        raise InvalidArgument("function", expected=_EXPECTED, got=f"one that returns {strange}", remedy=remedy)
    tape = qml.tape.QuantumScript.from_queue(queue)
    refuse_tapes_inside(tape)
    return tape


def refuse_idle(tapes: Iterable[Any]) -> None:
    """Refuse a function of parameters that applies and measures nothing, at whatever theta."""
    if not any(tape.operations or tape.measurements for tape in tapes):
        raise InvalidArgument("function", expected=_EXPECTED, got="one that applies none", remedy=_NODE)


def refuse_tapes_inside(tape: Any) -> None:
    """Refuse what stands among a tape's operations and is none: a tape that was recorded meanwhile."""
    import pennylane as qml

    for position, operation in enumerate(tape.operations):
        if not isinstance(operation, qml.operation.Operator):
            raise InvalidArgument(
                "function",
                expected="operations on wires",
                got=f"{type(operation).__name__} in place {position}, a tape inside it",
                remedy="Apply its operations (qml.apply), or record it under qml.QueuingManager.stop_recording().",
            )


def _strange(returned: Any, *, applied: bool) -> str | None:
    """The first thing that may be what a QNode gave; quantum functions return operations, measurements or nothing.

    One that applied operations may return whole numbers, words and wires as well, which are ignored.
    """
    import pennylane as qml

    if isinstance(returned, (list, tuple)):
        return _first(returned, applied=applied)
    if isinstance(returned, dict):  # counts are one
        return _first(returned.values(), applied=False)
    known = (qml.operation.Operator, qml.measurements.MeasurementProcess, qml.ops.MeasurementValue)
    plain = (int, np.integer, str, qml.wires.Wires) if applied else ()
    if returned is None or isinstance(returned, (*known, *plain)):
        return None
    return f"{type(returned).__name__}: {shorten(returned)}"


def _first(parts: Iterable[Any], *, applied: bool) -> str | None:
    strange = (_strange(part, applied=applied) for part in parts)
    return next((found for found in strange if found is not None), None)
