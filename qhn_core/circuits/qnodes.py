"""QNodes: the circuit after their transforms, on their device's wires; what it cannot keep is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.recording import refuse_tapes_inside
from qhn_core.errors import QHNError, Unsupported, shorten

_FUNCTION = "To read the circuit without it, pass the function itself (node.func)."


def node_of(function: Any) -> Any:
    """The QNode that ``function`` is, or is a ``functools.partial`` of; None where it is none."""
    import pennylane as qml

    while isinstance(function, partial):
        function = function.func
    return function if isinstance(function, qml.QNode) else None


class QNodeTapes:
    """What a QNode applies, as tapes.

    Args:
        function: a PennyLane QNode, or a ``functools.partial`` of one, of one argument, theta.

    Raises:
        Unsupported: its device is noisy or transformed.
    """

    def __init__(self, function: Any) -> None:
        import pennylane as qml

        self.node = node_of(function)
        self._refuse_device(self.node.device)
        self._construct = _bound_like(function, qml.workflow.construct_tape(self.node, level="top"))

    @staticmethod
    def _refuse_device(device: Any) -> None:
        inner = getattr(device, "target_device", device)
        options = getattr(getattr(inner, "backend", None), "options", None)
        if getattr(inner, "readout_err", None) or getattr(options, "noise_model", None) is not None:
            raise Unsupported(
                f"The QNode's device {shorten(device.name)} is noisy, and a circuit has no noise. {_FUNCTION} Noise is "
                "studied on the Hardware page and by the engine's option."
            )
        if getattr(inner, "_original_device", None) is not None:
            name = _name(getattr(inner, "transform", "one"))
            raise Unsupported(
                f"The QNode's device carries the transform '{name}', which a circuit cannot keep. Apply it to the "
                f"QNode instead. {_FUNCTION}"
            )

    def __call__(self, theta: NDArray[np.float64]) -> Any:
        """The tape at ``theta`` after the QNode's own transforms.

        Raises:
            Unsupported: a transform makes several circuits, works on their results, depends on shots, or fails.
        """
        raw = self._construct(theta)
        refuse_tapes_inside(raw)
        program = self.node.compile_pipeline
        if not len(program):
            return raw
        names = ", ".join(_name(transform) for transform in program)
        found = [self._transformed(raw.copy(shots=shots), names) for shots in (raw.shots, None, 1000)]
        if any(not _same(found[0], other) for other in found[1:]):
            raise Unsupported(f"The circuit of the QNode depends on shots, by its transforms: {names}. {_FUNCTION}")
        return found[0]

    def _transformed(self, tape: Any, names: str) -> Any:
        try:
            batch, finish = self.node.compile_pipeline([tape])
        except QHNError:
            raise
        except Exception as error:
            raise Unsupported(
                f"The QNode's transforms ({names}) fail with {tape.shots.total_shots or 'no'} shots: "
                f"{type(error).__name__}: {shorten(str(error), 200)} {_FUNCTION}"
            ) from error
        if len(batch) != 1:
            raise Unsupported(
                f"The QNode's transforms ({names}) make {len(batch)} circuits of one, whose results are combined; one "
                f"circuit is needed. {_FUNCTION}"
            )
        if not _hands_on(finish):
            raise Unsupported(
                f"The QNode's transforms ({names}) work on its results, which a circuit cannot keep. {_FUNCTION}"
            )
        return batch[0]

    def wires(self, tape: Any) -> tuple[Any, ...]:
        """The labels of wires 0…N−1: in the order in which all are measured together, or else the device's.

        Without wires of the device: PennyLane's order, 0…N−1 where these are used, or else as they first occur.

        Raises:
            Unsupported: a distribution over some wires only, or of an observable, is measured.
        """
        device = self.node.device.wires
        if device is not None:
            labels = tuple(device.labels)
        else:
            used = tuple(tape.wires.labels)
            labels = tuple(range(len(used))) if set(used) == set(range(len(used))) else used
        orders = {_measured(measurement, labels) for measurement in tape.measurements} - {None}
        if len(orders) > 1:
            raise Unsupported("The QNode measures its wires in two different orders; one is needed.")
        return orders.pop() or labels if orders else labels


def _bound_like(function: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """``call`` with the arguments that the partials around a QNode hold."""
    if not isinstance(function, partial):
        return call
    return partial(_bound_like(function.func, call), *function.args, **function.keywords)


def _measured(measurement: Any, labels: Sequence[Any]) -> tuple[Any, ...] | None:
    """The order in which a measured distribution has its wires; None for what is no distribution."""
    import pennylane as qml

    kinds = qml.measurements
    if not isinstance(measurement, (kinds.ProbabilityMP, kinds.SampleMP, kinds.CountsMP, kinds.DensityMatrixMP)):
        return None
    wires = tuple(measurement.wires.labels) or tuple(labels)
    if measurement.obs is not None or measurement.mv is not None:
        raise Unsupported(
            f"The QNode returns {shorten(measurement)}: the distribution of an observable. A circuit here has that of "
            f"bitstrings: measure all wires. {_FUNCTION}"
        )
    if set(wires) != set(labels):
        raise Unsupported(
            f"The QNode returns {shorten(measurement)}, of the wires {list(wires)}, while its circuit has "
            f"{list(labels)}, and all of them are bits here. Measure all wires. {_FUNCTION}"
        )
    return wires


def _hands_on(finish: Any) -> bool:
    """Whether results pass through the transforms' post-processing as they are."""
    result = object()
    try:
        found = finish((result,))
    except Exception:  # it looks into the result: whatever it would do, it is not handed on
        return False
    return found is result or (isinstance(found, (tuple, list)) and len(found) == 1 and found[0] is result)


def _same(first: Any, second: Any) -> bool:
    """Whether two tapes apply the same operations."""
    import pennylane as qml

    if len(first.operations) != len(second.operations):
        return False
    return all(a is b or qml.equal(a, b) for a, b in zip(first.operations, second.operations, strict=True))


def _name(transform: Any) -> str:
    inner = getattr(transform, "tape_transform", None) or getattr(transform, "transform", None) or transform
    return str(getattr(inner, "__name__", shorten(inner)))
