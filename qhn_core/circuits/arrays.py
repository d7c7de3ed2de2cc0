"""Circuits as named arrays of numbers, for files that hold nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.circuit import Circuit
from qhn_core.circuits.gates import FIXED, ROTATIONS, Gate
from qhn_core.errors import InvalidArgument

#: Gates by their number in a file, which never changes: new ones are added at the end.
_NAMES = dict(enumerate((*ROTATIONS, *FIXED)))
_NUMBERS = {name: number for number, name in _NAMES.items()}
_ARRAYS = ("size", "gate", "wires", "param", "angle")


def circuit_arrays(circuit: Circuit) -> dict[str, NDArray[Any]]:
    """``size`` (N, P), ``gate`` (G,), ``wires`` (G, 2), ``param`` (G,), ``angle`` (G, 2): scale, offset; −1: none."""
    gates = circuit.gates
    return {
        "size": np.array([circuit.n_qubits, circuit.n_params], dtype=np.int64),
        "gate": np.array([_NUMBERS[gate.name] for gate in gates], dtype=np.int64),
        "wires": np.array([(*gate.wires, -1)[:2] for gate in gates], dtype=np.int64).reshape(-1, 2),
        "param": np.array([-1 if gate.param is None else gate.param for gate in gates], dtype=np.int64),
        "angle": np.array([(gate.scale, gate.offset) for gate in gates], dtype=np.float64).reshape(-1, 2),
    }


def circuit_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Circuit:
    """Inverse of :func:`circuit_arrays`; raises InvalidArgument for what is no circuit."""
    try:
        n_qubits, n_params = arrays["size"].tolist()
        columns = [arrays[name].tolist() for name in _ARRAYS[1:]]
        gates = [
            Gate(_NAMES[gate], tuple(w for w in wires if w >= 0), None if param < 0 else param, *angle)
            for gate, wires, param, angle in zip(*columns, strict=True)
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InvalidArgument("circuit", expected="the arrays of a circuit", got=str(error)) from None
    return Circuit(n_qubits, tuple(gates), n_params=n_params)
