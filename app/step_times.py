"""How long a step of a configuration takes on this machine: measured in the background, told beside what it needs."""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path
from time import perf_counter

from app.jobs import Jobs, Watch
from qhn_core.config import RunConfig
from qhn_core.engines.auto import OWN
from qhn_core.errors import Cancelled

#: Seconds that a page waits, so that small circuits are told at once.
PATIENCE = 0.1
#: Timed steps, and seconds after which no further one is begun.
STEPS, LIMIT = 5, 0.5


class StepTimes:
    """Seconds a step by configuration, kept; one is measured at a time."""

    def __init__(self, uploads: Path) -> None:
        self._uploads = uploads
        self._jobs = Jobs(keep=64, workers=1)

    def get(self, config: RunConfig) -> float | None:
        """Seconds of a step without its metrics; None until measured, and for engines that are not this program's."""
        if config.engine.name not in OWN:
            return None
        plain = config.model_copy(update={"steps": 1_000_000, "log_every": 1_000_000})
        work = partial(measure, plain, self._uploads)
        found: float | None = self._jobs.get((plain.to_json(),), work, patience=PATIENCE).result
        return found


def measure(config: RunConfig, uploads: Path, watch: Watch) -> float:
    """The median of a few steps after the first, whose row of metrics and compiling belong to no other."""
    from qhn_core import trainer

    setup = trainer.prepare(config, uploads=uploads, progress=watch.progress, cancelled=watch.cancelled)
    state, _ = trainer.step(setup, trainer.init(setup))
    times: list[float] = []
    while len(times) < STEPS and sum(times) < LIMIT:
        if watch.cancelled():
            raise Cancelled("nobody waits for it")
        began = perf_counter()
        state, _ = trainer.step(setup, state)
        times.append(perf_counter() - began)
    return statistics.median(times)


def told(seconds: float) -> str:
    """``about 3 ms a step here``, with two digits."""
    number, unit = (1e3 * seconds, "ms") if seconds < 0.1 else (seconds, "s")
    return f"about {number:.2g} {unit} a step here"
