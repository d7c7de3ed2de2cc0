"""Which exact method a circuit calls for, and what it takes: said before anything is trained."""

from __future__ import annotations

from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.checks import readable
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.mps.limits import MAX_BOND, bonds
from qhn_core.engines.statevector.engine import MAX_QUBITS


def said(circuit: Circuit) -> str:
    """One line: table, bonds, state vector, or none of them."""
    found, n = bonds(circuit), circuit.n_qubits
    chi = f"χ = {1 << found.log2_chi}" if found.log2_chi <= 20 else f"χ = 2^{found.log2_chi}"
    if n <= MAX_TABULATED:
        return f"Exact by a table of 2^{n} strings; by bonds it would take {chi}"
    if 1 << min(found.log2_chi, 62) <= MAX_BOND:
        return f"Exact by bonds, {chi}, {readable(found.memory_bytes)} a start; no table beyond {MAX_TABULATED} qubits"
    if n <= MAX_QUBITS:
        return f"Exact by state vector; bonds would need {chi}"
    return f"No exact method: bonds would need {chi}, and state vectors end at {MAX_QUBITS} qubits"
