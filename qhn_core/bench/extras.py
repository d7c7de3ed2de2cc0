"""The other figures: memory, first step, a sampled step, the likelihood table, the cost of logging."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import numpy as np

from qhn_core import trainer
from qhn_core.ansatze import ansatz, initial_angles
from qhn_core.bench import ours
from qhn_core.bench.cells import CIRCUIT, LAYERS
from qhn_core.bench.figure import Figure
from qhn_core.bench.timing import compare
from qhn_core.config import RunConfig
from qhn_core.engines import engine
from qhn_core.engines.statevector import warm_up
from qhn_core.estimators.base import Work
from qhn_core.problems.problem import problem, problem_from_costs


def peak_memory(qubits: int, layers: int) -> float:
    """Peak memory of a loss and gradient, in state vectors; q, g and scratch included."""
    circuit = ansatz(CIRCUIT, n_qubits=qubits, layers=layers)
    theta = initial_angles(circuit, replicas=1, seed=0)
    run = engine("statevector")
    run.evaluate(circuit, theta, lambda q: (q, None))  # compiles the circuit and loads the kernels
    peaks: list[int] = []

    def measure() -> None:  # in a new thread, which has no scratch yet
        tracemalloc.start()
        run.evaluate(circuit, theta, lambda q: (q.copy(), None))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    thread = threading.Thread(target=measure)
    thread.start()
    thread.join()
    return peaks[0] / (16 * 2**qubits)


#: A new process: seconds of importing, of preparing the default run with one start, and of its whole first step.
FIRST = """
from time import perf_counter
times = [perf_counter()]
from qhn_core import trainer
from qhn_core.config import RunConfig
times.append(perf_counter())
setup = trainer.prepare(RunConfig.model_validate({"replicas": 1}))
state = trainer.init(setup)
times.append(perf_counter())
after, info = trainer.step(setup, state)
times.append(perf_counter())
assert after.step == 1 and info.row is not None
print(*(after - before for before, after in zip(times, times[1:])))
"""


class FirstStep(NamedTuple):
    """Seconds in a new process, kernels being compiled and cached."""

    importing: float
    preparing: float  #: data, likelihood table, circuit, engine, starting angles
    step: float  #: loss, gradient, metrics and Adam


def first_step(processes: int = 3) -> FirstStep:
    """The default run with one start in so many new processes; the one whose step takes neither least nor longest."""
    warm_up()
    command = [sys.executable, "-c", FIRST]
    subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - fixed; compiles what warm_up does not
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(processes)]  # noqa: S603 - fixed
    return sorted((FirstStep(*map(float, run.stdout.split())) for run in runs), key=lambda found: found.step)[
        processes // 2
    ]


def sampled_step(*, seconds: float) -> tuple[float, float]:
    """(ours, lightning.qubit) seconds of a parameter-shift step of the SELBO: 9 qubits, 3 layers, 1024 shots."""
    task = problem_from_costs(ours.costs(9))
    config = RunConfig.model_validate(
        {"objective": {"name": "selbo"}, "estimator": {"name": "parameter_shift", "shots": 1024}}
    )
    circuit = ansatz(CIRCUIT, n_qubits=9, layers=3)
    theta = initial_angles(circuit, replicas=1, seed=0)

    def stepper(chosen: object) -> Callable[[], None]:
        work, rng = Work(chosen, circuit, config.objective, task), np.random.default_rng(0)

        def step() -> None:
            config.estimator.estimate(work, theta, 0, rng)

        return step

    sides = {"ours": engine("statevector"), "peer": engine("pennylane", device="lightning.qubit")}
    found = compare({name: stepper(chosen) for name, chosen in sides.items()}, seconds=seconds)
    return found["ours"], found["peer"]


def likelihood_table() -> float:
    """Seconds for the table of a 2-4-1 network (17 bits) on 100 examples, all 131,072 strings."""
    times = []
    for seed in (0, 1, 2):
        data = {"name": "xor", "n_train": 100, "n_test": 100, "seed": seed}
        start = perf_counter()
        problem({"name": "mlp", "layers": (2, 4, 1)}, data, cache=False)
        times.append(perf_counter() - start)
    return sorted(times)[1]


def predictive_share(*, seconds: float) -> float:
    """Share of a logged training step that metrics take, for the default run (13 bits, 16 starts, 500 test points)."""
    logged = RunConfig.model_validate({"log_every": 1, "steps": 10_000})
    silent = RunConfig.model_validate({"log_every": 10_000, "steps": 10_000})
    steps = {"logged": ours.stepper(trainer.prepare(logged)), "silent": ours.stepper(trainer.prepare(silent))}
    found = compare(steps, seconds=seconds)
    return 1.0 - found["silent"] / found["logged"]


def figures(*, quick: bool) -> list[Figure]:
    """All of them."""
    seconds = 2.0 if quick else 8.0
    first = first_step()
    whole = (
        "default run with one start: loss, gradient, metrics, Adam; before it "
        f"{first.importing:.2f} s of importing and {first.preparing:.2f} s of preparing"
    )
    ours, peer = sampled_step(seconds=seconds)
    shift = f"{1e3 * ours:.2f} ms against {1e3 * peer:.1f} ms on lightning.qubit"
    sizes = (13,) if quick else (13, 16, 20)
    memory = [
        Figure(f"peak memory, N={n}, {layers} layers", peak_memory(n, layers), "state vectors", 8.0)
        for n in sizes
        for layers in (LAYERS, 4 * LAYERS)
    ]
    return [
        *memory,
        Figure("import, with trainer and configurations", first.importing, "s", 0.6, detail="in a new process"),
        Figure("first step of a process", first.step, "s", 0.5, detail=whole),
        Figure("parameter-shift step, N=9, 3 layers, 1024 shots", peer / ours, "×", 30.0, True, shift),
        Figure("likelihood table, 2-4-1, 100 examples", likelihood_table(), "s", 2.0),
        Figure("metrics' share of a logged step", predictive_share(seconds=seconds), "", 0.5),
    ]
