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
    strange = _strange(returned)
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


def _strange(returned: Any) -> str | None:
    """The first thing that no quantum function returns; those return operations, measurements or nothing."""
    import pennylane as qml

    if isinstance(returned, (list, tuple, dict)):
        parts = returned.values() if isinstance(returned, dict) else returned
        return next((found for found in map(_strange, parts) if found is not None), None)
    known = (qml.operation.Operator, qml.measurements.MeasurementProcess, qml.ops.MeasurementValue)
    return (
        None if returned is None or isinstance(returned, known) else f"{type(returned).__name__}: {shorten(returned)}"
    )
