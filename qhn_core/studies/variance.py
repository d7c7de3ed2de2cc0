"""How the gradient's variance grows or falls around a configuration: with size or depth, from several starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from qhn_core.analysis.trainability import Scan, variance_scan
from qhn_core.checks import check_choice
from qhn_core.circuits.circuit import Circuit
from qhn_core.config import RunConfig
from qhn_core.engines import engine
from qhn_core.errors import Unsupported
from qhn_core.objectives import OBJECTIVES, objective
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem, problem
from qhn_core.trainer import draw_of

Against = Literal["qubits", "layers"]
#: Initialisations that are compared: label -> (kind, Hadamards first).
STARTS: dict[str, tuple[str, bool]] = {
    "uniform": ("uniform", False),
    "small": ("normal", False),
    "small + Hadamard": ("normal", True),
}
DEPTHS = (1, 2, 3, 5, 8, 12)
#: Most qubits in a scan.
MOST_QUBITS = 15


class Series(NamedTuple):
    """One curve of the comparison."""

    loss: str
    start: str
    scan: Scan


def sizes(config: RunConfig, *, most: int = MOST_QUBITS) -> dict[int, RunConfig]:
    """Configurations with other widths of the hidden layers, by their number of qubits.

    Raises :class:`Unsupported` where the network has no hidden layer whose width could change.
    """
    layers: tuple[int, ...] = getattr(config.network, "layers", ())
    if config.network is None or len(layers) < 3:
        raise Unsupported("The number of qubits follows from the hidden layers, and this problem has none.")
    found: dict[int, RunConfig] = {}
    for width in range(1, 33):
        try:
            changed = type(config.network).model_validate(
                config.network.model_dump() | {"layers": (layers[0], *[width] * (len(layers) - 2), layers[-1])}
            )
        except ValueError:  # a width that the network's other options exclude
            continue
        if changed.n_bits > most:
            break
        found[changed.n_bits] = config.model_copy(update={"network": changed})
    if len(found) < 2:
        raise Unsupported(f"Fewer than two sizes of this network have at most {most} qubits.")
    return found


def compare_variance(
    config: RunConfig,
    *,
    against: Against = "qubits",
    losses: Sequence[str] | None = None,
    starts: Sequence[str] = tuple(STARTS),
    replicas: int = 64,
    uploads: Path | None = None,
    progress: Callable[[float], None] | None = None,
    share: Callable[[list[Series]], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[Series]:
    """Gradient variance against ``against`` for each loss and initialisation, with fitted slopes.

    Args:
        losses: all registered ones by default; the configuration's own keeps its settings, others have their defaults.
        starts: keys of :data:`STARTS`; combinations that leave q fixed are left out.
        share: called with the series found so far.
    """
    check_choice("against", against, ("qubits", "layers"))
    if config.ansatz.own:
        raise Unsupported("A circuit of your own has one size and one depth: choose one of the other circuits.")
    by_value = sizes(config) if against == "qubits" else _depths(config)
    problems: dict[int, Problem] = {}
    simulator, found = engine("statevector"), []
    todo = [(loss, start) for start in starts for loss in losses or OBJECTIVES.names() if _moves(config, start)]
    for k, (loss, start) in enumerate(todo):
        kind, hadamard = STARTS[start]

        def make(value: float, hadamard: bool = hadamard) -> tuple[Circuit, Problem]:
            own = by_value[int(value)]
            size = own.network.n_bits if own.network is not None else 0
            if size not in problems:
                problems[size] = problem(own.network, draw_of(own, 0, uploads), own.prior, cancelled=cancelled)
            ansatz = own.ansatz.model_copy(update={"hadamard": hadamard})
            return ansatz.build(problems[size].n_bits), problems[size]

        scan = variance_scan(
            list(by_value),
            make,
            _loss(config, loss),
            engine=simulator,
            replicas=replicas,
            seed=config.seed,
            kind=kind,
            scale=config.ansatz.scale,
            progress=_part(progress, k, len(todo)),
            cancelled=cancelled,
        )
        found.append(Series(loss, start, scan))
        if share is not None:
            share(list(found))
    return found


def _part(progress: Callable[[float], None] | None, k: int, count: int) -> Callable[[float], None] | None:
    """Progress of the k-th of ``count`` equal parts."""
    return None if progress is None else lambda fraction: progress((k + fraction) / count)


def _depths(config: RunConfig) -> dict[int, RunConfig]:
    made = {}
    for depth in DEPTHS:
        try:
            ansatz = type(config.ansatz).model_validate(config.ansatz.model_dump() | {"layers": depth})
        except ValueError:  # an ansatz of one layer only
            continue
        made[depth] = config.model_copy(update={"ansatz": ansatz})
    if len(made) < 2:
        raise Unsupported(f"The circuit {config.ansatz.name} has one depth only.")
    return made


def _loss(config: RunConfig, name: str) -> ObjectiveConfig:
    return config.objective if config.objective.name == name else objective(name)


def _moves(config: RunConfig, start: str) -> bool:
    """Whether Hadamards first make sense for the ansatz: for some they leave q independent of the angles."""
    if not STARTS[start][1]:
        return True
    try:
        return bool(type(config.ansatz).model_validate(config.ansatz.model_dump() | {"hadamard": True}).hadamard)
    except ValueError:
        return False
