"""Parametrised circuits: one ansatz per file."""

from __future__ import annotations

from typing import Any

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.ansatze.initial import initial_angles
from qhn_core.circuits.circuit import Circuit


def ansatz(name: str, /, *, n_qubits: int, **options: Any) -> Circuit:
    """The circuit of ansatz ``name`` on ``n_qubits`` wires; options as in its config (layers, hadamard, …)."""
    return ANSATZE.make(name, **options).build(n_qubits)


ANSATZE.discover(__name__, __path__)

__all__ = ["ANSATZE", "AnsatzConfig", "ansatz", "initial_angles"]
