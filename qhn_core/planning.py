"""What a run would need, and whether it can work at all: checked before anything starts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.checks import readable
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import IN_WORDS, PROBABILITIES
from qhn_core.errors import InvalidArgument, TooLarge, Unsupported
from qhn_core.networks.fit import check_fit
from qhn_core.registry import VariantConfig

if TYPE_CHECKING:
    from qhn_core.config import RunConfig

#: Largest N of losses that evaluate all neighbours of a string.
MAX_NEIGHBOURS = 64
#: Largest history kept for one run, bytes.
HISTORY_LIMIT = 256 << 20
#: Arrays logged at each step, for the size of the history: the metrics, and room for the terms of a loss.
LOGGED_ARRAYS = 27
#: Standard errors logged beside them where the metrics are estimates from drawn strings.
LOGGED_ERRORS = 15
#: Rows of 2^N float64 that loss, diagonal and metrics hold for a replica beside the engine's own memory.
WORK_ROWS = 8
#: Estimators that a message recommends where 2^N strings cannot be enumerated.
SAMPLED_REMEDY = "estimator score_function or spsa, which work on drawn strings only"


@dataclass(frozen=True)
class Plan:
    """What a run needs.

    Args:
        n_qubits, n_params: N and P of its circuit.
        n_features, n_classes: of its data; 0 for a cost table.
        memory_bytes: estimated peak memory.
        circuits_per_step, shots_per_step: what one step costs on a device, all replicas together.
        exact: whether loss and gradient are exact, from all 2^N strings.
        tabulated: whether ℓ of all 2^N strings is worked out: posterior, evidence, and exact metrics where q is known.
        circuit: the circuit itself.
        warnings: what works, but may surprise.
    """

    n_qubits: int
    n_params: int
    n_features: int
    n_classes: int
    memory_bytes: int
    circuits_per_step: int
    shots_per_step: int
    exact: bool
    tabulated: bool
    circuit: Circuit
    warnings: tuple[str, ...] = ()

    def cost(self, steps: int, done: int = 0) -> tuple[int, int]:
        """(circuits, shots) of a run of ``steps`` updates of which ``done`` are made.

        The last step evaluates too, though it only logs: a run from its beginning evaluates ``steps`` + 1 times.
        """
        evaluations = steps + 1 - done
        return evaluations * self.circuits_per_step, evaluations * self.shots_per_step


@dataclass(frozen=True)
class RemoteCost:
    """What runs send to real devices: at most so many circuits and shots, and the devices' names."""

    circuits: int
    shots: int
    devices: tuple[str, ...]


def remote_cost(parts: Iterable[tuple[RunConfig, int]], uploads: Path | None = None) -> RemoteCost:
    """What the rest of some runs sends to real devices; runs on this machine count nothing.

    Args:
        parts: pairs of a configuration and the updates made already.
        uploads: folder of content-addressed uploaded files.
    """
    circuits = shots = 0
    devices: dict[str, None] = {}
    for config, done in parts:
        if config.engine.remote:
            more = plan(config, uploads).cost(config.steps, done)
            circuits, shots = circuits + more[0], shots + more[1]
            devices[str(getattr(config.engine, "backend", ""))] = None
    return RemoteCost(circuits, shots, tuple(devices))


def plan(config: RunConfig, uploads: Path | None = None, *, circuit: Circuit | None = None) -> Plan:
    """What ``config`` needs; refuses what cannot work, with the reason and the remedy.

    Args:
        config: the run.
        uploads: folder of content-addressed uploaded files.
        circuit: the circuit to train instead of the one that ``config.ansatz`` describes.

    Raises:
        InvalidArgument: sizes that do not fit together.
        Unsupported: an estimator that the objective or the engine cannot serve, or a package that is not installed.
        TooLarge: more qubits, memory or history than the limits.
        MissingUpload: an uploaded file that is not here.
    """
    for _, part in config:
        if isinstance(part, VariantConfig):
            part.check_installed()
    features, classes = config.dataset.shape(uploads) if config.dataset.needs_network else (0, 0)
    config.dataset.check_rows(uploads)
    _check_batch(config)
    n_qubits = _check_sizes(config, features, classes, uploads)
    _check_capabilities(config)
    _check_neighbours(config, n_qubits)
    config.prior.rates(n_qubits)  # a rate per bit has to match
    circuit = config.ansatz.build(n_qubits, uploads) if circuit is None else _check_circuit(circuit, n_qubits)
    circuits, shots = config.estimator.circuits(circuit, config.replicas)
    engine = config.engine.check(circuit, replicas=config.replicas, shots=shots // config.replicas)
    exact = shots == 0
    if exact:
        _check_table(config, n_qubits)
    memory = _memory(config, n_qubits, engine)
    _check_memory(config, n_qubits, memory)
    _check_history(config, LOGGED_ARRAYS + (0 if exact else LOGGED_ERRORS))
    return Plan(
        n_qubits=n_qubits,
        n_params=circuit.n_params,
        n_features=features,
        n_classes=classes,
        memory_bytes=memory,
        circuits_per_step=circuits,
        shots_per_step=shots,
        exact=exact,
        tabulated=n_qubits <= MAX_TABULATED,
        circuit=circuit,
        warnings=tuple(_warnings(config, n_qubits, shots)),
    )


def _check_batch(config: RunConfig) -> None:
    """Refuse minibatches where there are no examples, not enough of them, or where a table holds all of them."""
    if config.batch is None:
        return
    n_train = config.dataset.n_train if config.dataset.needs_network else 0
    if config.batch > n_train:
        raise InvalidArgument(
            "batch",
            expected=f"at most {n_train}, the training examples"
            if n_train
            else "none, as a cost table has no examples",
            got=config.batch,
            remedy="Leave it out to look at all of them in each step.",
        )
    if not config.estimator.draws or PROBABILITIES in config.estimator.requires(config.objective):
        raise Unsupported(
            f"batch: estimator '{config.estimator.name}' works from a table of all strings, which holds every example. "
            "Leave batch out, or use estimator score_function or spsa with shots."
        )
    if config.optimiser.name == "lbfgs":
        raise Unsupported("batch: L-BFGS takes gradients at face value. Use Adam, RMSprop or SGD, or leave batch out.")


def _check_neighbours(config: RunConfig, n_qubits: int) -> None:
    """Refuse a loss that asks for ℓ of all N neighbours of every drawn string where that is too much."""
    if config.objective.name == "ksd" and n_qubits > MAX_NEIGHBOURS:
        raise TooLarge(
            f"{n_qubits} qubits: objective 'ksd' needs the likelihood of all {n_qubits} neighbours of each drawn "
            f"network, and ends at {MAX_NEIGHBOURS} qubits. Use objective elbo, selbo or mle, or a smaller network."
        )


def _check_sizes(config: RunConfig, features: int, classes: int, uploads: Path | None) -> int:
    """N, after checking that the network fits the data."""
    network = config.network
    if network is None:
        if config.data_draws > 1:
            raise InvalidArgument(
                "data_draws", expected="1, as a cost table is not drawn", got=config.data_draws, remedy="Leave it out."
            )
        return _cost_table_qubits(config, uploads)
    check_fit(network, features, classes, name=config.dataset.name)
    return network.n_bits


def _check_circuit(circuit: Circuit, n_qubits: int) -> Circuit:
    """A circuit of one's own, if it has a wire for each bit and something to train."""
    if not isinstance(circuit, Circuit):
        raise InvalidArgument("circuit", expected="a qhn_core.Circuit", got=type(circuit).__name__)
    if circuit.n_qubits != n_qubits:
        raise InvalidArgument(
            "circuit",
            expected=f"{n_qubits} qubits, one for each bit of the network",
            got=f"{circuit.n_qubits}",
            remedy=f"Choose a network of {circuit.n_qubits} bits, or a circuit of {n_qubits} qubits.",
        )
    if not circuit.n_params:
        raise InvalidArgument("circuit", expected="at least one parameter to train", got="none")
    return circuit


def _cost_table_qubits(config: RunConfig, uploads: Path | None) -> int:
    n_qubits = getattr(config.dataset, "n_bits", None)
    if isinstance(n_qubits, int):
        return n_qubits
    costs = config.dataset.load(uploads).costs
    if costs is None:
        raise InvalidArgument("dataset", expected="a cost table, as there is no network", got=config.dataset.name)
    return int(costs.size).bit_length() - 1


def _check_capabilities(config: RunConfig) -> None:
    """Refuse an engine that does not give what objective and estimator need."""
    needed = config.estimator.requires(config.objective)
    missing = sorted(needed - config.engine.provides)
    if missing:
        raise Unsupported(
            f"Estimator '{config.estimator.name}' with objective '{config.objective.name}' needs "
            f"{' and '.join(IN_WORDS[m] for m in missing)}, which engine '{config.engine.name}' does not "
            "give as configured. Choose the engine auto, or an estimator that works from samples."
        )


def _check_table(config: RunConfig, n_qubits: int) -> None:
    if n_qubits > MAX_TABULATED:
        raise TooLarge(
            f"{n_qubits} qubits: estimator '{config.estimator.name}' {_without_shots(config)}needs tables of all "
            f"2^{n_qubits} strings (each column takes {readable(8 << n_qubits)}), and such tables end at "
            f"{MAX_TABULATED} qubits. Use {_smaller(config)}, or {_sampled(config)}."
        )


def _without_shots(config: RunConfig) -> str:
    """What to say of an estimator that could draw strings and is set not to."""
    return "without shots " if getattr(config.estimator, "shots", 0) is None else ""


def _sampled(config: RunConfig) -> str:
    """The way to drawn strings."""
    if not _without_shots(config):
        return SAMPLED_REMEDY
    if config.objective.needs_log_q:  # which shots never tell
        return "estimator score_function, which works on drawn strings only"
    return "set estimator.shots, for example to 1024: it then works on drawn strings only"


def _smaller(config: RunConfig) -> str:
    return "a smaller network" if config.network is not None else "a shorter cost table"


def _memory(config: RunConfig, n_qubits: int, engine: int) -> int:
    """Estimated peak memory in bytes: engine, likelihood tables, loss and metrics."""
    if n_qubits > MAX_TABULATED:
        return engine
    tables = (3 * config.data_draws + 2) * (8 << n_qubits)
    if config.data_draws > 1:
        tables += 2 * config.replicas * (8 << n_qubits)  # each replica's own table and posterior, as rows
    return engine + tables + WORK_ROWS * config.replicas * (8 << n_qubits)


def _check_memory(config: RunConfig, n_qubits: int, memory: int) -> None:
    limit = memory_limit()
    if memory > limit:
        fewer = max(1, int(config.replicas * limit / memory))
        raise TooLarge(
            f"{n_qubits} qubits with {config.replicas} replicas need about {readable(memory)}; the limit is "
            f"{readable(limit)}, half of this machine's memory. "
            + (
                f"Use about {fewer} replicas, or a smaller network."
                if fewer < config.replicas
                else "Use a smaller network."
            )
        )


def _check_history(config: RunConfig, arrays: int) -> None:
    """Refuse a history that is too large; the message has the fields' names, and what a form calls them."""
    row = config.replicas * arrays * 8
    size = config.logged_steps * row
    if size > HISTORY_LIMIT:
        every = -(-config.steps // (HISTORY_LIMIT // row - 1))
        raise TooLarge(
            f"log_every (Log every): {config.logged_steps:,} logged steps of {config.replicas:,} starts (replicas) "
            f"would take {readable(size)} of history; the limit is {readable(HISTORY_LIMIT)}. Log every {every:,} "
            f"steps or more (log_every: {every}), or choose fewer steps or starts."
        )


def _warnings(config: RunConfig, n_qubits: int, shots: int) -> list[str]:
    found = []
    if n_qubits > MAX_TABULATED:
        found.append(f"{n_qubits} qubits cannot be enumerated: metrics are estimates from drawn strings.")
    if config.optimiser.name == "lbfgs" and shots:
        found.append("L-BFGS takes gradients at face value: with shot noise its line search is often misled.")
    return found


def memory_limit() -> int:
    """Half of the machine's memory, bytes; 2 GiB where the system does not say how much there is."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 2 << 30
