"""Measures the cells and figures, prints them as tables, and writes JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any

from qhn_core.bench import extras as single
from qhn_core.bench import files, ours, peers, wide
from qhn_core.bench.cells import Cell, parse_cells, survey_cells, target_cells
from qhn_core.bench.figure import Figure
from qhn_core.bench.timing import compare
from qhn_core.bench.variance import Spread, spreads
from qhn_core.extras import require

_PACKAGES = ("numpy", "numba", "pennylane", "pennylane-lightning", "torch", "quimb", "jax")
TORCH, LIGHTNING, JAX = "default.qubit+torch", "lightning.qubit adjoint", "default.qubit+JAX jit"


@dataclass(frozen=True)
class Row:
    """One measured cell: median seconds of a full training step of each contender."""

    cell: Cell
    ours: float
    peers: dict[str, float]

    @property
    def best(self) -> tuple[str, float]:
        """The faster of the peers that need no compilation, and its seconds."""
        return min(((k, v) for k, v in self.peers.items() if k != JAX), key=lambda item: item[1])

    @property
    def ratio(self) -> float:
        """Its time over ours."""
        return self.best[1] / self.ours

    @property
    def jax_ratio(self) -> float | None:
        """Compiled JAX's time over ours, in steady state."""
        return self.peers[JAX] / self.ours if JAX in self.peers else None

    @property
    def met(self) -> bool:
        """Whether the target, if any, is reached, and JAX is not ahead."""
        return self.ratio >= (self.cell.target or 0.0) and (self.jax_ratio is None or self.jax_ratio >= 1.0)


@dataclass(frozen=True)
class Report:
    """A finished benchmark."""

    rows: list[Row]
    figures: list[Figure]
    machine: dict[str, Any] = field(default_factory=dict)
    spreads: list[Spread] = field(default_factory=list)

    def to_json(self) -> str:
        """All numbers, seconds unless a unit is given."""
        rows = [
            {
                **asdict(row.cell),
                "target": row.cell.target,
                "ours": row.ours,
                "peers": row.peers,
                "ratio": row.ratio,
                "jax_ratio": row.jax_ratio,
                "met": row.met,
            }
            for row in self.rows
        ]
        spread = [asdict(found) for found in self.spreads]
        figures = [
            {**asdict(figure), "value": figure.value if isfinite(figure.value) else None, "met": figure.met}
            for figure in self.figures
        ]
        return json.dumps({"machine": self.machine, "steps": rows, "figures": figures, "estimators": spread}, indent=2)


def machine() -> dict[str, Any]:
    """Where and when: processor, cores, versions, date, and how busy the machine is."""
    versions = {}
    for name in _PACKAGES:
        if find_spec(name.replace("pennylane-", "pennylane_")):
            versions[name] = metadata.version(name)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        **versions,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def measure(cell: Cell, *, seconds: float, jax: bool) -> Row:
    """Time a cell's contenders in turns."""
    run = ours.setup(cell)
    contenders = {"ours": ours.stepper(run), LIGHTNING: peers.lightning_adjoint(run)}
    if peers.backprop_fits(run.circuit, cell.replicas):
        require("pennylane", "pennylane_lightning", "torch", purpose="The benchmark against PennyLane")
        contenders[TORCH] = peers.torch_backprop(run)
        if jax:
            contenders[JAX] = peers.jax_jit(run)
    found = compare(contenders, seconds=seconds)
    return Row(cell, found.pop("ours"), found)


def run(
    *,
    quick: bool = False,
    cells: str | None = None,
    circuits: Iterable[str] | None = None,
    extras: bool = True,
    jax: bool | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Run the benchmark.

    Args:
        quick: small cells and short measurements, about a minute.
        cells: only these, as "circuit:loss:qubits:replicas,…" or "qubits:replicas,…".
        circuits: only these circuits, with every loss, in place of all cells.
        extras: whether to measure memory, first step, sampled step, likelihood table, logging and files too.
        jax: compare with JAX too; None where it is installed (it is not among the requirements).
        progress: told what is measured next.
    """
    if cells is not None:
        chosen = parse_cells(cells)
    elif circuits is not None:
        chosen = survey_cells(list(circuits), quick=quick)
    else:
        chosen = target_cells(quick=quick) + survey_cells(None, quick=quick)
    with_jax = bool(find_spec("jax")) if jax is None else jax
    tell = progress or (lambda text: None)
    rows = []
    for i, cell in enumerate(chosen):
        tell(f"[{i + 1}/{len(chosen)}] {cell.label}")
        worth = with_jax and (cell.main or cells is not None)
        rows.append(measure(cell, seconds=1.0 if quick else 6.0 if cell.main else 3.0, jax=worth))
    found: list[Figure] = []
    noise: list[Spread] = []
    if extras:
        tell("memory, first step, sampled step, likelihood table, logging")
        found = single.figures(quick=quick)
        tell("reading files")
        found += files.figures(quick=quick)
        tell("matrix products at hundreds of weights")
        found += wide.figures(quick=quick)
        tell("variance of the estimators")
        noise = spreads(quick=quick)
    return Report(rows, found, machine(), noise)
