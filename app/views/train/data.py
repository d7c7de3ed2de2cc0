"""What the Train page shows: a run, or the preview of a configuration, in one shape for all charts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app import services
from app.jobs import Watch, jobs
from app.pictures import SHOTS, measure
from app.previews import draw_strings, simulator
from app.views.train import instant
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.runner import RunState, RunStatus

if TYPE_CHECKING:
    from qhn_core.problems.problem import Problem
    from qhn_core.trainer import Setup

Array = NDArray[np.float64]
#: Qubits, and amplitudes of all starts together, up to which loss and gradient are worked out for what is shown.
_QUICK_QUBITS, _QUICK_AMPLITUDES = 14, 1 << 20
#: States in which a run makes steps, or is about to.
_MOVING = (RunState.QUEUED, RunState.PREPARING, RunState.RUNNING)


@dataclass(frozen=True, eq=False)
class Shown:
    """A run at its newest step, or a preview at step 0.

    Args:
        key: what figures are cached under.
        config: what is trained.
        status: None for a preview.
        steps, history: logged rows, of a long run those that its curves need; name -> (T, B).
        setup: problem and circuit; None while they are being made.
        step: updates made to get to the angles below.
        theta, probs, bits: angles (B, P), exact q (B, 2**N), drawn strings (B, S, N); None where unknown.
        pending: whether strings are being drawn for the pictures.
        note: why there is nothing to see, if so.
        took: seconds in which all steps were made at once, of a result that is kept nowhere; None for all else.
        newest: the same run at its newest step, where this is an earlier one.
        uncoupled: whether distribution and strings are those without the gates that couple wires.
    """

    key: str
    config: RunConfig
    status: RunStatus | None
    steps: NDArray[np.int64]
    history: Mapping[str, Array]
    setup: Setup | None
    step: int = 0
    theta: Array | None = None
    probs: Array | None = None
    bits: NDArray[np.uint8] | None = None
    pending: bool = False
    note: str = ""
    took: float | None = None
    newest: Shown | None = None
    uncoupled: bool = False

    @property
    def rests(self) -> bool:
        """Whether this is a run that makes no steps at present."""
        return self.status is not None and self.status.state not in _MOVING

    @property
    def waits(self) -> bool:
        """Whether something that this shows is still being calculated."""
        return self.pending or (self.setup is None and not self.note)

    @property
    def losses(self) -> Array:
        """The loss at all logged steps, (T, B): it decides which start the pictures show, at earlier steps too."""
        history = (self.newest or self).history
        return history.get("loss", np.zeros((0, self.config.replicas)))

    @property
    def busy(self) -> bool:
        """Whether more will come without anybody doing anything."""
        active = self.status is not None and self.status.active
        return active or self.waits

    @property
    def enumerable(self) -> bool:
        """Whether all 2**N strings can be looked at, once the setup is there."""
        return self.setup is not None and self.setup.plan.tabulated

    @property
    def shots(self) -> int:
        """Strings from which each step's metrics are estimated; 0 where these are exact."""
        return self.drawn_strings if "nll_train_se" in self.history else 0

    @property
    def loss_shots(self) -> int:
        """Strings from which each step's loss is estimated; 0 where it is exact."""
        return self.drawn_strings if "loss_se" in self.history else self.shots

    @property
    def drawn_strings(self) -> int:
        """Strings that a logged step draws for its metrics where it needs some."""
        from qhn_core.trainer import metric_shots

        return metric_shots(self.config)

    def error(self, name: str) -> Array | None:
        """Standard errors of a logged metric, (T, B), where it is an estimate and they are known."""
        found = self.history.get(f"{name}_se")
        return None if found is None or np.isnan(found).all() else found

    def problem(self, replica: int) -> Problem | None:
        """The problem of one replica."""
        if self.setup is None:
            return None
        found: Any = self.setup.problem
        parts = getattr(found, "parts", ())
        return parts[int(found.which[replica % len(found.which)])] if parts else found

    def q(self, replica: int) -> Array | None:
        """Exact distribution of one replica, (2**N,), where it can be known."""
        if self.probs is not None:
            return self.probs[replica] if replica < len(self.probs) else None
        if self.theta is None or not self.enumerable or self.bits is not None or replica >= len(self.theta):
            return None
        assert self.setup is not None  # noqa: S101 -- enumerable says so
        return _probs(self.setup, self.theta[replica].tobytes(), self.uncoupled)

    def without_entanglers(self) -> Shown:
        """The same angles in the circuit without the gates that couple wires, where all strings can be looked at."""
        if not self.enumerable or self.theta is None:
            return self
        return replace(self, probs=None, bits=None, uncoupled=True)

    def _ensemble(self) -> NDArray[np.uint8]:
        """The run's strings; where a step draws but a few of them, the ensemble that its metrics are taken from."""
        from qhn_core.trainer import takes_ensemble

        assert self.bits is not None  # noqa: S101 -- draws() asks only then
        if self.setup is None or self.theta is None or not takes_ensemble(self.config):
            return self.bits
        return _of_angles(self.setup, self.theta.tobytes(), self.theta.shape)

    def draws(self, replica: int) -> NDArray[np.uint8] | None:
        """Strings measured on one replica's circuit, (S, N): the run's own shots, or drawn from its exact q."""
        if self.bits is not None:
            bits = self._ensemble()
            return bits[replica] if replica < len(bits) else None
        q = self.q(replica)
        return None if q is None else measure(q, SHOTS, seed=(self.config.seed, self.step, replica))


@lru_cache(maxsize=4)
def _of_angles(setup: Setup, angles: bytes, shape: tuple[int, int]) -> NDArray[np.uint8]:
    from qhn_core.trainer import ensemble

    return ensemble(setup, np.frombuffer(angles, dtype=np.float64).reshape(shape))[0]


@lru_cache(maxsize=4)
def _probs(setup: Setup, angles: bytes, uncoupled: bool) -> Array:
    from qhn_core.circuits.entanglers import without_entanglers
    from qhn_core.engines import engine

    theta = np.frombuffer(angles, dtype=np.float64)
    circuit = without_entanglers(setup.circuit) if uncoupled else setup.circuit
    return engine("statevector").probs(circuit, theta)


def gradient_of(shown: Shown, replica: int) -> Array | None:
    """∂L/n of one start at its angles, (P,), nats per radian; None where it would draw strings or take long."""
    setup, theta = shown.setup, shown.theta
    if setup is None or theta is None or replica >= len(theta) or not _is_quick(shown):
        return None
    return _gradient(setup, theta.tobytes(), theta.shape, shown.step)[replica]


def _is_quick(shown: Shown) -> bool:
    """Whether a step at other angles is worked out in a moment, without drawing."""
    setup = shown.setup
    if setup is None or setup.config != shown.config or shown.config.estimator.draws:
        return False
    n_qubits = setup.plan.n_qubits
    few = n_qubits <= _QUICK_QUBITS and shown.config.replicas << n_qubits <= _QUICK_AMPLITUDES
    return shown.enumerable and few


@lru_cache(maxsize=4)
def _gradient(setup: Setup, angles: bytes, shape: tuple[int, int], step: int) -> Array:
    from qhn_core import trainer

    theta = np.frombuffer(angles, dtype=np.float64).reshape(shape)
    state = trainer.TrainState(step, theta, {}, np.full(len(theta), np.inf))
    return trainer.estimate(setup, state).gradient / setup.n_train


def of_preview(config: RunConfig) -> Shown:
    """What a configuration looks like before its first step."""
    found = services.previews().get(config)
    row = found.row or {}
    return Shown(
        key=f"preview:{hashlib.sha256(config.to_json().encode()).hexdigest()}",
        config=config,
        status=None,
        steps=np.zeros(1 if row else 0, dtype=np.int64),
        history={name: value[None] for name, value in row.items()},
        setup=found.setup,
        theta=found.theta,
        probs=found.probs,
        bits=found.bits,
        note=found.message,
    )


def of_instant(config: RunConfig, *, patience: float = instant.PATIENCE) -> Shown:
    """Where a configuration ends, trained at once; its preview where that takes longer than so many seconds."""
    job = instant.result(config, patience=patience)
    if job.result is None:
        return replace(of_preview(config), pending=not job.ready, note=job.message)
    found: instant.Instant = job.result
    return Shown(
        key=instant.name_of(config),
        config=config,
        status=None,
        steps=found.steps,
        history=found.history,
        setup=found.setup,
        step=int(found.steps[-1]),
        theta=found.theta,
        took=found.seconds,
    )


def of_run(run_id: str, config: RunConfig) -> Shown:
    """Where a run stands; raises UnknownRun if there is none of this id."""
    supervisor = services.supervisor()
    status = supervisor.status(run_id)
    rows = supervisor.curves(run_id)
    snapshot = supervisor.snapshot(run_id)
    setup, note = supervisor.setup(run_id), ""
    if setup is None and not status.active:
        found = services.previews().get(config)
        setup, note = found.setup, found.message
    shown = Shown(f"run:{run_id}", config, status, rows.steps, rows.history, setup, note=note)
    if snapshot is not None:
        s = snapshot
        shown = replace(shown, step=s.step, theta=s.theta, probs=s.probs, bits=s.bits)
        return with_strings(_as_reached(shown, run_id))
    return _before_the_first_step(shown) if status.active else shown


def _as_reached(shown: Shown, run_id: str) -> Shown:
    """A resting run after its last update.

    A step is logged when the next one is made, from the angles at which that begins. Where this is quick it is worked
    out here ahead, number by number as it will be logged, so that a step that was made is the step that is seen.
    """
    setup = shown.setup
    if not shown.rests or setup is None or not _is_quick(shown):
        return shown
    state = services.supervisor().newest_state(run_id)
    if state is None or state.done or (len(shown.steps) and state.step <= shown.steps[-1]):
        return shown
    try:
        row, probs = _row(setup, state.theta.tobytes(), state.theta.shape, state.step)
    except QHNError:  # its next step fails, or that is why it rests: the run says so itself
        return shown
    reached = replace(shown, step=state.step, theta=state.theta, probs=probs, bits=None)
    if row is None:  # not a step that is logged
        return reached
    unknown = np.full(len(state.theta), np.nan)
    before = shown.history if len(shown.steps) else {name: np.empty((0, len(unknown))) for name in row}
    history = {name: np.vstack([rows, row.get(name, unknown)]) for name, rows in before.items()}
    return replace(reached, steps=np.append(shown.steps, state.step), history=history)


@lru_cache(maxsize=4)
def _row(
    setup: Setup, angles: bytes, shape: tuple[int, int], step: int
) -> tuple[Mapping[str, Array] | None, Array | None]:
    """What a step at these angles logs, and its distributions."""
    from qhn_core import trainer

    theta, optimiser = np.frombuffer(angles, dtype=np.float64).reshape(shape), setup.config.optimiser
    state = trainer.TrainState(step, theta, optimiser.init(theta), np.full(len(theta), np.inf))
    info = trainer.step(setup, state)[1]
    return info.row, info.probs


def _before_the_first_step(shown: Shown) -> Shown:
    """A run that is being prepared, as its preview showed it, so that nothing vanishes when Train is pressed."""
    found = services.previews().peek(shown.config)
    if found.row is None:
        return shown
    first = {name: value[None] for name, value in found.row.items()}
    return replace(
        shown,
        steps=np.zeros(1, dtype=np.int64),
        history=first,
        setup=shown.setup or found.setup,
        theta=found.theta,
        probs=found.probs,
        bits=found.bits,
    )


def with_strings(shown: Shown) -> Shown:
    """A resting run with strings drawn at its angles where neither they nor its distribution are in memory.

    This takes seconds at 24 qubits, so it is done in the background; a run under way brings its own.
    """
    resting = shown.status is not None and shown.status.state not in _MOVING
    setup, theta = shown.setup, shown.theta
    if not resting or shown.bits is not None or setup is None or theta is None or shown.enumerable:
        return shown
    if simulator(shown.config, setup.circuit) is None:
        return replace(shown, note=f"{setup.plan.n_qubits} qubits: too many to simulate on this machine.")
    seed = shown.config.seed

    def work(watch: Watch) -> NDArray[np.uint8]:
        return draw_strings(setup, theta, SHOTS, seed=seed, step=shown.step, cancelled=watch.cancelled)[0]

    job = jobs().get(("train", "strings", shown.key, shown.step), work)
    return replace(shown, bits=job.result, pending=not job.ready, note=shown.note or job.message)


@lru_cache(maxsize=128)
def _config(run_id: str, text: str) -> RunConfig:
    return RunConfig.from_json(text)


def config_of(run_id: str) -> RunConfig:
    """A run's configuration; raises UnknownRun or ConfigError."""
    return _config(run_id, services.store().get(run_id).config_json)


def is_active(run_id: str | None) -> bool:
    """Whether the run is queued, preparing, running or paused."""
    if run_id is None:
        return False
    try:
        return services.supervisor().status(run_id).active
    except QHNError:
        return False


def wait_for_setup(run_id: str | None, config: RunConfig, timeout: float) -> None:
    """Give the setup of a configuration, or of a run that is no longer in memory, a moment to be ready."""
    if run_id is None:
        services.previews().wait(config, timeout)
    elif services.supervisor().setup(run_id) is None and not is_active(run_id):
        services.previews().wait(config_of(run_id), timeout)
