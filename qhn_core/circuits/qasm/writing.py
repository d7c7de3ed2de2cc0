"""Circuits as OpenQASM 2 programs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.gates import Gate

_WRITTEN = {"RX": "rx", "RY": "ry", "RZ": "rz", "Hadamard": "h", "CNOT": "cx", "CZ": "cz"}


def write_qasm(n_qubits: int, gates: Sequence[Gate], theta: NDArray[np.float64], *, measure: bool) -> str:
    """The program's text with numbers for angles; IsingZZ, which the standard library lacks, as CX RZ CX."""
    lines = ["OPENQASM 2.0;", 'include "qelib1.inc";', f"qreg q[{n_qubits}];"]
    if measure:
        lines.append(f"creg c[{n_qubits}];")
    for gate in gates:
        wires = ",".join(f"q[{w}]" for w in gate.wires)
        if gate.name == "IsingZZ":
            turn = f"rz({float(gate.angle(theta))!r}) q[{gate.wires[1]}];"
            lines += [f"cx {wires};", turn, f"cx {wires};"]
        elif gate.is_rotation:
            lines.append(f"{_WRITTEN[gate.name]}({float(gate.angle(theta))!r}) {wires};")
        else:
            lines.append(f"{_WRITTEN[gate.name]} {wires};")
    if measure:
        lines.append("measure q -> c;")
    return "\n".join(lines) + "\n"
