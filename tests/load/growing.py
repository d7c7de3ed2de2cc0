"""What listing, opening and exporting cost as runs, steps and races grow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from qhn_core.config import RunConfig
from qhn_core.store import RunState, RunStore
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.live import Races

Row = tuple[str, str]
_METRICS = 17
_RUNS, _STEPS, _RACES = (10, 100, 1000, 10_000), (250, 2500, 25_000, 100_000), 8


def _took(work: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def _megabytes() -> int:
    return int(psutil.Process().memory_info().rss) >> 20


def runs(folder: Path, largest: int) -> Iterator[Row]:
    """Listing so many runs; what is left of the file when nearly all are deleted."""
    store, made = RunStore(folder), 0
    config = RunConfig().to_json()
    for count in (n for n in _RUNS if n <= largest):
        for _ in range(count - made):
            run = store.create(config, steps=250, state=RunState.FINISHED)
            store.append(run, range(10), {"loss": np.ones((10, 4))})
        made = count
        listed, first = _took(store.list), _took(lambda: store.list(limit=50))
        yield f"{count:,} runs", f"all listed in {listed:.0f} ms, the first 50 in {first:.1f} ms"


def steps(folder: Path, largest: int, starts: int = 16) -> Iterator[Row]:
    """A finished run of so many steps: opened, opened again, exported."""
    rng = np.random.default_rng(0)
    for count in (n for n in _STEPS if n <= largest):
        store = RunStore(folder / str(count))
        run = store.create("{}", steps=count, state=RunState.FINISHED)
        for first in range(0, count, 1000):
            t = np.arange(first, min(first + 1000, count))
            store.append(run, t, {f"metric {m}": rng.normal(size=(len(t), starts)) for m in range(_METRICS)})
        cold, warm = _took(partial(store.curves, run)), _took(partial(store.curves, run))
        kept = sum(column.nbytes for column in store.curves(run).history.values()) >> 20
        written = _took(partial(store.export, run, folder))
        yield (
            f"{count:,} steps × {starts} starts",
            f"opened in {cold:.0f} ms, again in {warm:.1f} ms, {kept} MB kept; CSV in {written / 1000:.1f} s",
        )


def races(folder: Path, largest: int) -> Iterator[Row]:
    """Memory of this process after so many races of 13 weights, 100 seeds and 4 contenders."""
    held = Races(RunStore(folder))
    sides = [{"objective": {"name": "mle"}}] + [{"objective": {"name": "elbo", "beta": b}} for b in (0.1, 0.3, 1.0)]
    for number in range(1, min(largest, _RACES) + 1):
        base = {"dataset": {"name": "moons", "n_train": 20, "seed": number}, "replicas": 100, "steps": 2}
        race = held.start(RaceConfig.parse({"base": base, "contenders": sides}))
        state = held.wait(race, 600).run.state
        yield f"{number} races", f"{state}, {_megabytes()} MB"
    held.shutdown()
