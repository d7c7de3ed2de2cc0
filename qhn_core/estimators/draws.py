"""What the sampling estimators share: shots, and the circuit with one slot per occurrence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.engines.base import PROBABILITIES, SAMPLES
from qhn_core.errors import Unsupported
from qhn_core.estimators.base import EstimatorConfig
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.objectives.elbo import NEEDS_EXPLICIT_Q

Array = NDArray[np.float64]
#: Probabilities held at once while many shifted circuits run (32 MB in double precision).
PROBABILITIES_AT_ONCE = 1 << 22


class Unrolled(NamedTuple):
    """A circuit in which every occurrence of a parameter has a slot of its own, with scale 1 and offset 0."""

    circuit: Circuit
    params: NDArray[np.intp]  #: parameter of each occurrence, (O,)
    scales: Array  #: (O,)
    offsets: Array  #: radians, (O,)

    def angles(self, theta: Array) -> Array:
        """The angle of every occurrence, radians: theta (B, P) -> (B, O)."""
        return theta[:, self.params] * self.scales + self.offsets

    def pull_back(self, by_angle: Array, n_params: int) -> Array:
        """Chain rule: derivatives by angle (B, O) -> by parameter (B, P), summed over occurrences times scale."""
        gradient = np.zeros((n_params, by_angle.shape[0]))
        np.add.at(gradient, self.params, (by_angle * self.scales).T)
        return np.ascontiguousarray(gradient.T)


@lru_cache(maxsize=64)
def unroll(circuit: Circuit) -> Unrolled:
    """The circuit with one slot per occurrence, so that shifting one occurrence is shifting one slot."""
    gates: list[Gate] = []
    found: list[Gate] = []
    for gate in circuit.gates:
        if gate.param is None:
            gates.append(gate)
        else:
            gates.append(Gate(gate.name, gate.wires, param=len(found)))
            found.append(gate)
    return Unrolled(
        Circuit(circuit.n_qubits, tuple(gates), n_params=len(found), name=circuit.name),
        np.array([g.param for g in found], dtype=np.intp),
        np.array([g.scale for g in found]),
        np.array([g.offset for g in found]),
    )


def occurrences(circuit: Circuit) -> int:
    """How many gates carry a parameter."""
    return sum(len(places) for places in circuit.occurrences)


class DeviceEstimator(EstimatorConfig):
    """Base of the estimators that a device can run: they need nothing but shots of circuits."""

    shots: int | None = Field(
        1024, ge=2, le=1_000_000, description="Shots of each circuit; none: exact probabilities (simulation)"
    )

    def requires(self, objective: ObjectiveConfig) -> frozenset[str]:
        """Samples, or probabilities where ``shots`` is None; an objective that needs log q is refused with shots."""
        if self.shots is None:
            return frozenset({PROBABILITIES})
        if objective.needs_log_q:
            raise Unsupported(NEEDS_EXPLICIT_Q)
        return frozenset({SAMPLES})


def chunks(rows: int, n_qubits: int) -> Iterator[slice]:
    """Slices of at most so many rows that their probabilities stay within PROBABILITIES_AT_ONCE."""
    size = max(1, PROBABILITIES_AT_ONCE >> n_qubits)
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))
