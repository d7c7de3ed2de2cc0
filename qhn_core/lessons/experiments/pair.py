"""Two qubits, four networks: angles alone, or with a CNOT between them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from qhn_core.analysis.dependence import dependence
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.config import RunConfig
from qhn_core.engines import engine
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Bars, Outcome, Qubits, Watch

#: The four networks sign(w·x + b), in the order of the strings.
NETWORKS = ("−−", "−+", "+−", "++")


@EXPERIMENTS.register
class Pair(ExperimentConfig):
    """RY on two wires, a CNOT after them or not: q over the four networks sign(w·x + b).

    Without the CNOT the table q(w, b) has rank one: q(−−)·q(++) = q(−+)·q(+−).
    """

    label = "Two qubits"

    name: Literal["pair"] = "pair"
    first: float = Field(90.0, ge=0.0, le=180.0, description="Angle of the qubit of w, degrees")
    second: float = Field(0.0, ge=0.0, le=180.0, description="Angle of the qubit of b, degrees")
    coupled: bool = Field(True, description="A CNOT from w's qubit to b's")

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """The four probabilities, their table's determinant, mutual information in bits, P(b = +1 | w = +1)."""
        return ("q_mm", "q_mp", "q_pm", "q_pp", "determinant", "information", "p_w", "p_b", "percent_b", "coupled")

    def pictures(self) -> tuple[str, ...]:
        """The qubits themselves, and the four networks."""
        return ("qubits", "networks")

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Rotate, couple, and look at the four probabilities."""
        turns = (Gate("RY", (0,), 0), Gate("RY", (1,), 1))
        gates = (*turns, Gate("CNOT", (0, 1))) if self.coupled else turns
        theta = np.radians([self.first, self.second])
        q = engine("statevector").probs(Circuit(2, gates), theta)
        table = q.reshape(2, 2)
        alone = np.outer(table.sum(axis=1), table.sum(axis=0)).ravel()
        numbers = dict(zip(("q_mm", "q_mp", "q_pm", "q_pp"), map(float, q), strict=True)) | {
            "determinant": float(np.linalg.det(table)),
            "information": float(dependence(q).mutual_information[0, 1]),
            "p_w": float(table[1].sum()),
            "p_b": float(table[:, 1].sum()),
            "percent_b": float(100 * table[1, 1] / table[1].sum()) if table[1].sum() > 0 else float("nan"),
            "coupled": float(self.coupled),
        }
        bars = Bars(
            "Four networks (w, b)",
            "network",
            "probability",
            NETWORKS,
            {"circuit": q, "if w and b knew nothing of each other": alone},
        )
        angles = (float(theta[0]), float(theta[1]))
        return Outcome(numbers, {"qubits": Qubits("Two qubits", angles, self.coupled), "networks": bars})
