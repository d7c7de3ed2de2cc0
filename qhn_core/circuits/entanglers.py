"""A circuit without what couples its wires."""

from __future__ import annotations

from qhn_core.circuits.circuit import Circuit


def without_entanglers(circuit: Circuit) -> Circuit:
    """The circuit with all its one-qubit gates and none on two wires; theta keeps its length and meaning.

    What is left makes a product state, whatever the angles: each weight is decided by its own wire alone.
    """
    gates = tuple(gate for gate in circuit.gates if len(gate.wires) == 1)
    return Circuit(circuit.n_qubits, gates, n_params=circuit.n_params, name=f"{circuit.name} without entanglers")
