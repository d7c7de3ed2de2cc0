"""One qubit, one weight: a rotation, and what is measured after it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.config import RunConfig
from qhn_core.engines import engine
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Bars, Lines, Outcome, Picture, Qubits, Series, Watch

#: How often the circuit is measured.
SHOTS = (1, 10, 1000)


@EXPERIMENTS.register
class Qubit(ExperimentConfig):
    """RY(θ) on |0⟩, then a measurement: P(+1) = sin²(θ/2), and one weight w = ±1 each time."""

    label = "One qubit"

    name: Literal["qubit"] = "qubit"
    degrees: float = Field(90.0, ge=0.0, le=180.0, description="Angle θ of the rotation, degrees")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the measurements")

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """P(+1), by engine and formula; mean weight; shares of +1, how far from P(+1), and of the draws that agree."""
        alone = ("degrees", "p_plus", "formula", "mean_weight", "first_weight")
        return (*alone, *(f"{kind}_{n}" for kind in ("share", "off", "agree") for n in SHOTS))

    def pictures(self) -> tuple[str, ...]:
        """The qubit itself, shares of draws, P(+1) against the angle."""
        return ("qubits", "draws", "curve")

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Rotate and measure."""
        circuit, simulator = Circuit(1, (Gate("RY", (0,), 0),)), engine("statevector")
        theta = np.radians(self.degrees)
        p = float(simulator.probs(circuit, np.array([theta]))[1])
        rng = np.random.Generator(np.random.Philox(key=[self.seed, round(self.degrees)]))
        shares = {n: float(simulator.sample(circuit, np.array([theta]), n, rng).mean()) for n in SHOTS}
        turned = np.linspace(0.0, 180.0, 91)
        curve = simulator.probs(circuit, np.radians(turned)[:, None])[:, 1]
        here = Series("here", np.array([self.degrees]), np.array([p]), "mle", marked=True)
        numbers = {
            "degrees": self.degrees,
            "p_plus": p,
            "formula": float(np.sin(theta / 2) ** 2),
            "mean_weight": 2 * p - 1,
            "first_weight": 2 * shares[1] - 1,
            **{f"share_{n}": share for n, share in shares.items()},
            **{f"off_{n}": abs(share - p) for n, share in shares.items()},
            **{f"agree_{n}": max(share, 1.0 - share) for n, share in shares.items()},
        }
        pictures: dict[str, Picture] = {
            "qubits": Qubits("One qubit is one weight", (float(theta),)),
            "draws": Bars(
                "How often the weight is +1",
                "",
                "share of +1",
                [f"{n} draw{'s' if n > 1 else ''}" for n in SHOTS] + ["P(+1)"],
                {"share": np.array([*shares.values(), p])},
            ),
            "curve": Lines(
                "P(+1) = sin²(θ/2)",
                "angle θ, degrees",
                "P(+1)",
                [Series("P(+1)", turned, curve), here],
                x_range=(0.0, 180.0),
                y_range=(-0.02, 1.02),
            ),
        }
        return Outcome(numbers, pictures)
