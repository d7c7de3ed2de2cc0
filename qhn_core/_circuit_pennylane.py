"""Circuits to and from PennyLane."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from qhn_core.errors import InvalidArgument
from qhn_core.gates import Gate

#: PennyLane records operations on one process-wide stack: whoever builds or runs its circuits in a thread holds this.
PENNYLANE_LOCK = threading.RLock()


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
