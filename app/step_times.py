"""How long a step of a configuration takes on this machine: measured in the background, told beside what it needs."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
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
STEPS, LIMIT = 9, 0.5
#: How often a configuration is measured while pages ask for it, and seconds between: the first time may be a busy one.
ROUNDS, AGAIN = 3, 10.0
#: Configurations of which the time is kept.
KEPT = 256


@dataclass
class _Known:
    """What is known of one configuration."""

    seconds: float | None = None
    round: int = 0
    measured: float = field(default_factory=time.monotonic)


class StepTimes:
    """Seconds a step by configuration: the shortest known, as others on the machine only ever make a step longer.

    What is measured here gives way to what runs make in fact. One configuration is measured at a time.
    """

    def __init__(self, uploads: Path) -> None:
        self._uploads = uploads
        self._jobs = Jobs(keep=64, workers=1)
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, config: RunConfig) -> float | None:
        """Seconds of a step without its metrics; None until measured, and for engines that are not this program's."""
        if config.engine.name not in OWN:
            return None
        plain, known = self._of(config)
        now = known.round
        if now < ROUNDS and (known.seconds is None or time.monotonic() - known.measured >= AGAIN):
            work, patience = partial(measure, plain, self._uploads), PATIENCE if known.seconds is None else 0.0
            job = self._jobs.get((plain.to_json(), now), work, patience=patience)
            if job.result is not None:
                self._take(known, job.result, after=now)
        return known.seconds

    def made(self, config: RunConfig, rate: float) -> None:
        """A run of this configuration makes so many steps a second, metrics included; 0 where that is not known."""
        if rate > 0.0 and config.engine.name in OWN:
            self._take(self._of(config)[1], 1.0 / rate)

    def _of(self, config: RunConfig) -> tuple[RunConfig, _Known]:
        """The configuration without what does not change a step's time, and what is known of it."""
        plain = config.model_copy(update={"steps": 1_000_000, "log_every": 1_000_000})
        text = plain.to_json()
        with self._guard:
            known = self._known.setdefault(text, _Known())
            self._known.move_to_end(text)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return plain, known

    def _take(self, known: _Known, seconds: float, *, after: int | None = None) -> None:
        """Keep the shorter time; ``after`` so many rounds it was measured, by whichever of several pages asks first."""
        with self._guard:
            known.seconds = seconds if known.seconds is None else min(known.seconds, seconds)
            if known.round == after:
                known.round, known.measured = after + 1, time.monotonic()


def measure(config: RunConfig, uploads: Path, watch: Watch) -> float:
    """The shortest of a few steps after the first, whose row of metrics and compiling belong to no other."""
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
    return min(times)


def told(seconds: float) -> str:
    """``about 3.1 ms a step here``, with two digits."""
    number, unit = (1e3 * seconds, "ms") if seconds < 0.0995 else (seconds, "s")
    return f"about {number:.2g} {unit} a step here" if number < 99.5 else f"about {number:,.0f} {unit} a step here"
