"""Our side of a cell: the trainer's own step on a cost table."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core import trainer
from qhn_core.ansatze.base import ANSATZE
from qhn_core.bench.cells import LAYERS, Cell
from qhn_core.config import RunConfig

Array = NDArray[np.float64]


def costs(qubits: int) -> Array:
    """The same random costs for both sides, (2**qubits,)."""
    return np.random.default_rng(qubits).gamma(2.0, 5.0, 2**qubits)


def ansatz_section(name: str) -> dict[str, Any]:
    """Configuration of the circuit, with the benchmark's number of layers where it takes one."""
    section = {"name": name, "layers": LAYERS}
    try:
        ANSATZE.parse(section)
    except ValueError:
        return {"name": name}
    return section


def setup(cell: Cell, engine: dict[str, Any] | None = None) -> trainer.Setup:
    """The run of a cell, prepared: a cost table, Adam, nothing logged."""
    buffer = io.BytesIO()
    np.save(buffer, costs(cell.qubits))
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{digest}.npy").write_bytes(buffer.getvalue())
        config = RunConfig.model_validate(
            {
                "dataset": {"name": "cost_table", "sha256": digest},
                "network": None,
                "ansatz": ansatz_section(cell.circuit),
                "objective": {"name": cell.loss},
                "engine": engine or {"name": "statevector"},
                "optimiser": {"name": "adam", "lr": 0.05},
                "replicas": cell.replicas,
                "steps": 1_000_000,
                "log_every": 1_000_000,
            }
        )
        return trainer.prepare(config, uploads=Path(folder))


def stepper(run: trainer.Setup) -> Callable[[], Array]:
    """A function that makes one training step: probabilities, loss, gradient, Adam update; returns the new angles.

    Its first call also logs, as step 0 always does.
    """
    states = [trainer.init(run)]

    def step() -> Array:
        states[0], _ = trainer.step(run, states[0])
        return states[0].theta

    return step
