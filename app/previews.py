"""What a configuration looks like before its first step, worked out in the background.

A preview holds the run's setup (data, circuit, likelihood table), the first logged row, and the initial distribution;
where 2^N strings cannot be enumerated, strings drawn from it. It always uses the exact simulator, so that looking never
costs shots. The same setups draw the figures of runs that are no longer in memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.engines.base import LOG_Q, EngineConfig, takes
from qhn_core.engines.statevector import MAX_QUBITS, StatevectorConfig
from qhn_core.errors import Cancelled, QHNError, TooLarge, Unsupported
from qhn_core.estimators.score_function import ScoreFunction
from qhn_core.planning import TABLE_QUBITS

if TYPE_CHECKING:
    from qhn_core.circuits.circuit import Circuit
    from qhn_core.config import RunConfig
    from qhn_core.trainer import Setup

_LOG = logging.getLogger(__name__)
#: A calculation that no page has asked about for so many seconds is given up.
_FORGOTTEN = 6.0
#: Largest number of probabilities that one preview computes (2**N times replicas).
_LARGEST = 1 << 20


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


@dataclass(eq=False)
class _Entry:
    config: RunConfig
    preview: Preview = field(default_factory=Preview)
    asked: float = field(default_factory=time.monotonic)


class Previews:
    """Previews by configuration, newest kept; safe for threads.

    Args:
        uploads: folder of uploaded files.
        keep: how many are kept in memory.
        workers: how many are worked out at once.
    """

    def __init__(self, uploads: Path, *, keep: int = 6, workers: int = 2) -> None:
        self._uploads, self._keep = uploads, keep
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._guard = threading.Lock()
        self._slots = threading.Semaphore(workers)

    def get(self, config: RunConfig) -> Preview:
        """The preview as far as it is; the first request sets the work going. Returns at once."""
        config = _exact_variant(config)
        key = config.to_json()
        with self._guard:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry(config)
                threading.Thread(target=self._work, args=(key, entry), name="qhn-preview", daemon=True).start()
            entry.asked = time.monotonic()
            self._entries.move_to_end(key)
            while len(self._entries) > self._keep:
                self._entries.popitem(last=False)[1].asked = -np.inf
            return entry.preview

    def peek(self, config: RunConfig) -> Preview:
        """The preview if it is there already; sets no work going."""
        with self._guard:
            entry = self._entries.get(_exact_variant(config).to_json())
            return Preview() if entry is None else entry.preview

    def wait(self, config: RunConfig, timeout: float = 60.0) -> Preview:
        """As :meth:`get`, when ready or after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not (found := self.get(config)).ready and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def _work(self, key: str, entry: _Entry) -> None:
        def cancelled() -> bool:
            return time.monotonic() - entry.asked > _FORGOTTEN

        def progress(fraction: float) -> None:
            entry.preview = Preview(progress=float(fraction))

        with self._slots:
            try:
                if cancelled():
                    raise Cancelled("nobody waits for it")
                entry.preview = _first_step(entry.config, self._uploads, progress, cancelled)
            except Cancelled:
                with self._guard:
                    if self._entries.get(key) is entry:
                        del self._entries[key]
            except QHNError as error:
                entry.preview = Preview(message=str(error), ready=True)
            except Exception as error:
                _LOG.exception("preview failed")
                entry.preview = Preview(message=f"The preview failed: {error}", ready=True)


def _exact_variant(config: RunConfig) -> RunConfig:
    """The configuration with what does not matter at step 0 set to the defaults: equal previews, one calculation.

    Beyond the qubits of exact tables the estimator stays, as the metrics are estimated from as many strings as it
    draws; beyond those of the simulator the engine too.
    """
    from qhn_core.config import RunConfig as Model

    base = Model()
    names = ["optimiser", "steps", "log_every"]
    same: dict[str, Any] = {name: getattr(base, name) for name in names}
    n_qubits = config.network.n_bits if config.network is not None else 0  # a cost table has its 2^N values
    if n_qubits <= MAX_QUBITS:
        same["engine"] = base.engine
    if n_qubits <= TABLE_QUBITS:
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


def _first_step(config: RunConfig, uploads: Path, progress, cancelled) -> Preview:  # type: ignore[no-untyped-def]
    from qhn_core import trainer
    from qhn_core.planning import plan

    needs = plan(config, uploads)
    n_qubits = needs.n_qubits
    if simulator(config, needs.circuit) is None:  # a real device's own; nothing is asked of one here
        return Preview(message=f"{n_qubits} qubits: too many to simulate on this machine.", ready=True)
    if n_qubits > TABLE_QUBITS:
        setup = trainer.prepare(config, uploads=uploads, progress=progress, cancelled=cancelled)
        return _drawn_step(setup, trainer.init(setup).theta, cancelled)
    few = max(1, min(config.replicas, _LARGEST >> n_qubits))
    if few < config.replicas:  # whole rounds of the draws of the data, so that start r is judged by its own
        few = max(config.data_draws, few - few % config.data_draws)
    config = config.model_copy(update={"replicas": few})
    setup = trainer.prepare(config, uploads=uploads, progress=progress, cancelled=cancelled)
    state = trainer.init(setup)
    _, info = trainer.step(setup, state)
    return replace(Preview(ready=True), setup=setup, row=info.row, theta=state.theta, probs=info.probs)


def _drawn_step(setup: Setup, theta: NDArray[np.float64], cancelled: Callable[[], bool]) -> Preview:
    """Step 0 of a circuit too large for tables: its metrics from as many strings as the run draws."""
    from qhn_core import trainer

    config, found = setup.config, Preview(setup=setup, theta=theta, ready=True)
    strings, log_q = draw_strings(
        setup, theta, trainer.metric_shots(config), seed=config.seed, step=0, cancelled=cancelled
    )
    n, known = setup.n_train, config.estimator.name == "score_function"
    sampled = config.objective.estimate(strings, setup.problem, 0, log_q=log_q)
    told = log_q if known else None
    row = setup.metrics.row(
        value=sampled.value / n,
        terms=sampled.terms,
        gradient=np.full(theta.shape, np.nan),
        bits=strings,
        log_q=told,
        error=trainer.loss_error(setup, strings, 0, log_q=told),
    )
    return replace(found, row=row, bits=strings)


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
    """What draws and scores strings on this machine: the exact engine, else the run's own; None if neither can."""
    for engine in (StatevectorConfig(), config.engine):
        if LOG_Q in engine.provides and takes(engine, circuit):
            return engine
    return None
