"""What the Explore page looks at: one start of one run at one step, with its problem and its distribution."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app import services
from app.jobs import Job, Watch, jobs, large_jobs
from app.starts import start_of
from qhn_core.config import RunConfig
from qhn_core.errors import TooLarge, Unsupported
from qhn_core.planning import plan
from qhn_core.runner import RunStatus
from qhn_core.studies.replay import Way, check_replay, replay

if TYPE_CHECKING:
    from qhn_core.circuits.circuit import Circuit
    from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Most qubits for which everything is enumerated.
MOST_QUBITS = 20
#: Steps at which a way is known.
_POINTS = 41


@dataclass(frozen=True, eq=False)
class Chosen:
    """A run, or a configuration that is not trained, as far as it is known without calculation.

    Args:
        run_id: None for a configuration that is not trained.
        status: None for a configuration that is not trained.
        steps, history: logged rows, name -> (T, B); empty where nothing is logged.
        theta: newest angles (B, P); None for a configuration that is not trained, and before the first step.
        step: updates made to get to ``theta``.
    """

    run_id: str | None
    config: RunConfig
    status: RunStatus | None
    steps: NDArray[np.int64]
    history: Mapping[str, Array]
    theta: Array | None
    step: int

    @property
    def active(self) -> bool:
        """Whether more steps will come by themselves."""
        return self.status is not None and self.status.active

    @property
    def key(self) -> str:
        """What calculations are remembered under."""
        return self.run_id or hashlib.sha256(self.config.to_json().encode()).hexdigest()[:16]

    def replica(self, start: str) -> int:
        """The number of a start, from 0; what ``start`` may be: :func:`app.starts.options`."""
        losses = self.history.get("loss", np.zeros((0, 1)))
        return start_of(start, losses, replicas=self.config.replicas, active=self.active, steps=self.steps)


@dataclass(frozen=True, eq=False)
class Focus:
    """One start at one step.

    Args:
        chosen: the run.
        replica: the start, from 0.
        step: updates made.
        theta, first: angles now and before the first update, (P,), radians.
        problem, circuit: of this start.
        q: exact distribution, (2**N,); None for more qubits than are enumerated.
        way: angles on the way, where they are known.
    """

    chosen: Chosen
    replica: int
    step: int
    theta: Array
    first: Array
    problem: Problem
    circuit: Circuit
    q: Array | None
    way: Way | None

    @property
    def config(self) -> RunConfig:
        """What is or would be trained."""
        return self.chosen.config

    @property
    def objective(self) -> str:
        """The loss's name, for colours."""
        return self.config.objective.name

    @property
    def name(self) -> str:
        """Which start it is, and of which draw of the data, for titles; empty where there is but one."""
        draws = self.config.data_draws
        data = f", draw {self.replica % draws + 1} of {draws} of the data" if draws > 1 else ""
        return f"start {self.replica + 1}{data}" if self.config.replicas > 1 else ""

    @property
    def key(self) -> str:
        """Identity of the run and start, for charts and calculations that follow the step."""
        return f"{self.chosen.key}.{self.replica}"

    @property
    def enumerated(self) -> Array:
        """The exact distribution, for sections that are shown only where there is one."""
        if self.q is None:
            raise TooLarge(f"{self.problem.n_bits} qubits have too many strings to enumerate.")
        return self.q

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each bit."""
        network = self.config.network
        return network.bit_labels if network is not None else tuple(f"w{i}" for i in range(self.problem.n_bits))


class View:
    """One drawing of the page: asks for calculations, and remembers whether any is under way."""

    def __init__(self) -> None:
        self.waiting = False

    def ask(self, key: str, name: str, version: Any, work: Callable[[Watch], Any], *, large: bool = False) -> Job:
        """The newest result of a calculation that follows a version (a step, a setting).

        While a newer one is under way the last finished one is shown, and no third is begun.
        """
        job = (large_jobs() if large else jobs()).follow((key, name), version, work)
        self.waiting |= not job.ready or job.stale
        return job


@lru_cache(maxsize=4)
def _ground(config_json: str, draw: int, uploads: Path) -> tuple[Problem, Circuit]:
    """Problem and circuit of one draw of the data, shared by all starts and steps that have it."""
    from qhn_core.problems.problem import problem
    from qhn_core.trainer import draw_of

    config = RunConfig.from_json(config_json)
    circuit = plan(config, uploads).circuit
    tabulate = None if circuit.n_qubits <= MOST_QUBITS else False
    return problem(config.network, draw_of(config, draw, uploads), config.prior, tabulate=tabulate), circuit


def first_angles(config: RunConfig, circuit: Circuit, replica: int) -> Array:
    """Angles of one start before any update, (P,)."""
    from qhn_core.ansatze import initial_angles

    options: dict[str, Any] = {"seed": config.seed, "kind": config.ansatz.init, "scale": config.ansatz.scale}
    return initial_angles(circuit, replicas=replica + 1, **options)[replica]


def look(chosen: Chosen, replica: int, step: int | None, way: Way | None, uploads: Path) -> Callable[[Watch], Focus]:
    """The calculation that makes the focus; ``step`` None is the newest."""

    def work(watch: Watch) -> Focus:
        from qhn_core.engines import engine

        config = chosen.config
        problem, circuit = _ground(config.to_json(), replica % config.data_draws, uploads)
        watch.progress(0.7)
        first = first_angles(config, circuit, replica)
        theta, at = (first, 0) if chosen.theta is None else (chosen.theta[replica], chosen.step)
        if step is not None and way is not None:
            k = int(np.argmin(np.abs(way.steps - step)))
            theta, at = way.theta[k], int(way.steps[k])
        q = engine("statevector").probs(circuit, theta) if circuit.n_qubits <= MOST_QUBITS else None
        return Focus(chosen, replica, at, theta, first, problem, circuit, q, way)

    return work


def _kept_way(chosen: Chosen, replica: int, watch: Watch) -> Way | None:
    """The way as the run kept it, at about 41 of its steps; None for a run that kept too few."""
    supervisor, run = services.supervisor(), chosen.run_id
    if run is None:
        return None
    kept = supervisor.kept_steps(run)
    if len(kept) < 2 or kept[-1] != chosen.step:
        return None
    steps = kept[np.unique(np.linspace(0, len(kept) - 1, min(_POINTS, len(kept))).round().astype(int))]
    angles = []
    for k, step in enumerate(steps):
        angles.append(supervisor.state_at(run, int(step)).theta[replica])
        watch.progress((k + 1) / len(steps))
    return Way(steps, np.array(angles))


def way_job(chosen: Chosen, replica: int) -> Job | None:
    """The way of one start through an ended run; None where it is not to be had (yet)."""
    if chosen.run_id is None or chosen.active or chosen.step < 1 or chosen.theta is None:
        return None
    uploads = services.uploads()

    def work(watch: Watch) -> Way:
        kept = _kept_way(chosen, replica, watch)
        if kept is not None:
            return kept
        check_replay(chosen.config, chosen.step, uploads=uploads)
        found = replay(
            chosen.config,
            replica=replica,
            steps=chosen.step,
            uploads=uploads,
            progress=watch.progress,
            cancelled=watch.cancelled,
        )
        # Another machine's last digits may differ, and early steps amplify them: then the stored angles are the truth.
        assert chosen.theta is not None  # noqa: S101 -- asked above
        if not np.allclose(found.theta[-1], chosen.theta[replica], atol=1e-6):
            raise Unsupported("This run was trained on another machine; only its last step is shown.")
        return found

    return jobs().get((chosen.key, replica, chosen.step, "way"), work, patience=0.6)
