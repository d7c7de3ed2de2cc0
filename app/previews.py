"""What a configuration looks like before its first step, worked out in the background.

A preview holds the run's setup (data, circuit, likelihood table), the first logged row, and the initial distribution;
where 2^N strings cannot be enumerated, strings drawn from it. It always uses the exact simulator, so that looking never
costs shots. The same setups draw the figures of runs that are no longer in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.jobs import Job, Jobs, Watch
from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.engines.auto import OWN, AutoConfig
from qhn_core.engines.base import EngineConfig, takes
from qhn_core.engines.statevector import MAX_QUBITS
from qhn_core.errors import Cancelled, TooLarge, Unsupported
from qhn_core.estimators.score_function import ScoreFunction

if TYPE_CHECKING:
    from qhn_core.circuits.circuit import Circuit
    from qhn_core.config import RunConfig
    from qhn_core.trainer import Setup

#: Largest number of probabilities that one preview computes (2**N times replicas).
LARGEST = 1 << 20


@dataclass(frozen=True, eq=False)
class Preview:
    """A configuration's setup and step 0.

    Args:
        progress: 0 … 1 while it is worked out.
        setup: None until ready, where it failed, and beyond the qubits of the simulator.
        row: metrics at step 0, name -> (B',), for the first B' replicas; estimates beyond 20 qubits.
        theta: initial angles (B', P), radians.
        probs: initial distribution (B', 2**N); None beyond 20 qubits.
        bits: strings drawn from it, (B', S, N), beyond 20 qubits.
        message: why there is no setup; empty otherwise.
        ready: whether nothing more will come.
    """

    progress: float = 0.0
    setup: Setup | None = None
    row: dict[str, NDArray[np.float64]] | None = None
    theta: NDArray[np.float64] | None = None
    probs: NDArray[np.float64] | None = None
    bits: NDArray[np.uint8] | None = None
    message: str = ""
    ready: bool = False


class Previews:
    """Previews by configuration, newest kept; safe for threads.

    Args:
        uploads: folder of uploaded files.
        keep: how many are kept in memory.
        workers: how many are worked out at once.
    """

    def __init__(self, uploads: Path, *, keep: int = 6, workers: int = 2) -> None:
        self._uploads = uploads
        self._jobs = Jobs(keep=keep, workers=workers)

    def get(self, config: RunConfig, *, patience: float = 0.0) -> Preview:
        """The preview as far as it is after ``patience`` seconds; the first request sets the work going."""
        config = _exact_variant(config)
        work = partial(first_step, config, self._uploads)
        return _seen(self._jobs.get((config.to_json(),), work, patience=patience))

    def peek(self, config: RunConfig) -> Preview:
        """The preview if it is there already; sets no work going."""
        job = self._jobs.known((_exact_variant(config).to_json(),))
        return Preview() if job is None else _seen(job)

    def wait(self, config: RunConfig, timeout: float = 60.0) -> Preview:
        """As :meth:`get`, when ready or after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not (found := self.get(config, patience=max(0.0, deadline - time.monotonic()))).ready:
            if time.monotonic() >= deadline:
                break
        return found


def _seen(job: Job) -> Preview:
    if job.result is not None:
        found: Preview = job.result
        return found
    return Preview(progress=job.fraction, message=job.message, ready=job.ready)


def _exact_variant(config: RunConfig) -> RunConfig:
    """The configuration with what does not matter at step 0 set to the defaults: equal previews, one calculation.

    Beyond the qubits of exact tables the estimator stays, as the metrics are estimated from as many strings as it
    draws, and so does an engine of this program: another would draw other strings from the same seed.
    """
    from qhn_core.config import RunConfig as Model

    base = Model()
    names = ["optimiser", "steps", "log_every"]
    same: dict[str, Any] = {name: getattr(base, name) for name in names}
    n_qubits = config.network.n_bits if config.network is not None else 0  # a cost table has its 2^N values
    if n_qubits <= MAX_TABULATED or (n_qubits <= MAX_QUBITS and config.engine.name not in OWN):
        same["engine"] = base.engine
    if n_qubits <= MAX_TABULATED:
        same["estimator"] = base.estimator
    else:
        # Without tables a start costs only its strings: one is shown for each draw of the data.
        same["replicas"] = config.data_draws
        if not _draws_for(config):
            same["estimator"] = ScoreFunction()
    return config.model_copy(update=same)


def _draws_for(config: RunConfig) -> bool:
    """Whether the estimator draws strings, and can serve the loss."""
    try:
        config.estimator.requires(config.objective)
    except Unsupported:
        return False
    return getattr(config.estimator, "shots", None) is not None


def first_step(config: RunConfig, uploads: Path, watch: Watch) -> Preview:
    from qhn_core import trainer
    from qhn_core.planning import plan

    needs = plan(config, uploads)
    n_qubits = needs.n_qubits
    chosen = simulator(config, needs.circuit)
    if chosen is None:  # a real device's own; nothing is asked of one here
        return Preview(message=f"{n_qubits} qubits: too many to simulate on this machine.", ready=True)
    config = config.model_copy(update={"engine": chosen})
    if not needs.tabulated:
        setup = trainer.prepare(config, uploads=uploads, progress=watch.progress, cancelled=watch.cancelled)
        return _drawn_step(setup, trainer.init(setup).theta, watch.cancelled)
    few = max(1, min(config.replicas, LARGEST >> n_qubits))
    if few < config.replicas:  # whole rounds of the draws of the data, so that start r is judged by its own
        few = max(config.data_draws, few - few % config.data_draws)
    config = config.model_copy(update={"replicas": few})
    setup = trainer.prepare(config, uploads=uploads, progress=watch.progress, cancelled=watch.cancelled)
    state = trainer.init(setup)
    _, info = trainer.step(setup, state)
    return Preview(setup=setup, row=info.row, theta=state.theta, probs=info.probs, ready=True)


def _drawn_step(setup: Setup, theta: NDArray[np.float64], cancelled: Callable[[], bool]) -> Preview:
    """Step 0 of a circuit too large for tables: its metrics from as many strings as the run draws."""
    from qhn_core import trainer

    config = setup.config
    if trainer.takes_ensemble(config):
        strings, log_q = trainer.ensemble(setup, theta)
    else:
        shots = trainer.metric_shots(config)
        strings, log_q = draw_strings(setup, theta, shots, seed=config.seed, step=0, cancelled=cancelled)
    n, known = setup.n_train, config.estimator.name == "score_function"
    sampled = config.objective.sampled(strings, setup.problem, 0, log_q=log_q)
    told = log_q if known else None
    row = setup.metrics.row(
        value=sampled.value / n,
        terms=sampled.terms,
        gradient=np.full(theta.shape, np.nan),
        bits=strings,
        log_q=told,
        error=trainer.loss_error(setup, strings, 0, log_q=told),
    )
    return Preview(setup=setup, row=row, theta=theta, bits=strings, ready=True)


def draw_strings(
    setup: Setup,
    theta: NDArray[np.float64],
    shots: int,
    *,
    seed: int,
    step: int,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Strings drawn on the exact simulator at theta (B, P), one start after the other, and log q of each.

    Returns:
        bits (B, shots, N) and log q (B, shots).
    """
    chosen = simulator(setup.config, setup.circuit)
    if chosen is None:
        raise TooLarge(f"{setup.circuit.n_qubits} qubits: too many to simulate on this machine.")
    engine, rng = chosen.build(), np.random.Generator(np.random.Philox(key=[seed, step]))
    drawn = []
    for angles in theta:
        if cancelled():
            raise Cancelled("nobody waits for it")
        drawn.append(engine.draw(setup.circuit, angles, shots, rng))
    return np.stack([bits for bits, _ in drawn]), np.stack([log_q for _, log_q in drawn])


def simulator(config: RunConfig, circuit: Circuit) -> EngineConfig | None:
    """What draws and scores strings here: the run's engine if it is exact, else that of its size; None if it cannot."""
    engine = config.engine if config.engine.name in OWN else AutoConfig()
    return engine if takes(engine, circuit) else None
