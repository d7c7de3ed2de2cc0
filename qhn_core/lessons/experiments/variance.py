"""How the gradient's variance falls with the number of qubits, from two starts."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from qhn_core.config import RunConfig
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Lines, Outcome, Series, Watch
from qhn_core.studies.variance import compare_variance

#: The two starts: name in the study -> what it is called here.
_STARTS = {"uniform": "uniform angles", "small + Hadamard": "near the prior"}
#: Qubits to which the fitted line is followed.
_FAR = 50
_KEYS = {"uniform": "uniform", "small + Hadamard": "near"}


@EXPERIMENTS.register
class Variance(ExperimentConfig):
    """Variance of the exact gradient over random starts, against qubits or layers; log variance fitted by a line.

    ``at_50`` goes on along that line to 50 qubits, which nobody measures here.

    Studied are the lesson's loss and circuit, on networks whose hidden layers are narrower or wider, up to 15 weights.
    """

    label = "Gradient's variance"

    name: Literal["variance"] = "variance"
    against: Literal["qubits", "layers"] = Field("qubits", description="What grows")
    starts: int = Field(24, ge=8, le=200, description="Random starts at each size")

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """For each start: by how much one more qubit (layer) multiplies the variance, first and last variance."""
        each = [
            f"{key}.{what}"
            for key in _KEYS.values()
            for what in ("factor", "first", "last", "doubled", "shrink", "at_50")
        ]
        return (*each, "smallest", "largest", "points", "lead", "ratio")

    def pictures(self) -> tuple[str, ...]:
        """Variance against size, from both starts, and from uniform angles alone."""
        return ("variance", "uniform")

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Scan both starts."""
        found = compare_variance(
            config,
            against=self.against,
            losses=(config.objective.name,),
            starts=tuple(_STARTS),
            replicas=self.starts,
            progress=watch.progress,
            cancelled=watch.cancelled,
        )
        numbers: dict[str, float] = {}
        series = []
        for one in found:
            x, key = np.asarray(one.scan.values, dtype=float), _KEYS[one.start]
            y = np.array([point.variance for point in one.scan.points])
            factor = float(np.exp(one.scan.slope.slope))
            numbers |= {
                f"{key}.factor": factor,
                f"{key}.doubled": factor ** float(x[0]),
                f"{key}.first": float(y[0]),
                f"{key}.last": float(y[-1]),
                f"{key}.shrink": float(y[0] / y[-1]),
                f"{key}.at_50": float(y[-1]) * factor ** (_FAR - float(x[-1])),
            }
            numbers |= {"smallest": float(x[0]), "largest": float(x[-1]), "points": float(len(x))}
            colour = "accent" if key == "uniform" else "second"
            series.append(Series(_STARTS[one.start], x, y, colour, marked=True))
        if "near.last" in numbers and "uniform.last" in numbers:
            numbers["lead"] = numbers["near.last"] / numbers["uniform.last"]
            numbers["ratio"] = numbers["near.factor"] / numbers["uniform.factor"]
        title = f"Variance of the gradient, {config.ansatz.layers} layers"
        if self.against == "layers":
            title = "Variance of the gradient against depth"
        both = Lines(title, self.against, "variance", series, log_y=True)
        return Outcome(numbers, {"variance": both, "uniform": replace(both, series=series[:1])})
