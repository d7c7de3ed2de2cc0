"""How noisy each estimator's gradient is for what it spends: variance times evaluations of ℓ, in units of |∂L|².

Two estimators at the same number of such evaluations differ by the ratio of these numbers; that of an average of
independent estimates is the same as of one. For a biased estimator (SPSA) the square of its bias stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhn_core.ansatze import ansatz, initial_angles
from qhn_core.datasets import dataset
from qhn_core.engines import engine
from qhn_core.estimators import estimator
from qhn_core.estimators.base import EstimatorConfig, Work
from qhn_core.estimators.score_function import ScoreFunction
from qhn_core.networks import network
from qhn_core.objectives import objective
from qhn_core.problems.problem import problem

Array = NDArray[np.float64]
#: Strings of the reference gradient where no table gives it, in estimates of 1024.
_REFERENCE = 64


@dataclass(frozen=True)
class Spread:
    """One estimator on one problem.

    Args:
        estimator: its settings, in words.
        qubits, angles: N and P.
        evaluations: of ℓ, by one estimate.
        noise: E|ĝ − E ĝ|² · evaluations / |∂L|².
        bias: |E ĝ − ∂L| / |∂L|, as far as it stands out of the noise; 0 below that.
        repeats: estimates that this was measured with.
    """

    estimator: str
    qubits: int
    angles: int
    evaluations: int
    noise: float
    bias: float
    repeats: int


def contenders() -> dict[str, tuple[EstimatorConfig, int]]:
    """In words -> estimator, and how many estimates it is measured with."""
    found: dict[str, tuple[EstimatorConfig, int]] = {}
    for shots, repeats in ((2, 1024), (4, 1024), (8, 512), (64, 128)):
        found[f"score_function, {shots} draws"] = estimator("score_function", shots=shots), repeats
    found["parameter_shift, 8 shots"] = estimator("parameter_shift", shots=8), 8
    for averages in (1, 16):
        name = f"spsa, 64 shots, {averages} direction{'s' * (averages > 1)}"
        found[name] = estimator("spsa", shots=64, averages=averages), 256 // averages
    return found


def works() -> list[Work]:
    """A small problem whose gradient is known, and 160 weights: MLE, circuit ``chain`` with two layers."""
    small = problem(network("mlp", layers=(2, 3, 1)), dataset("xor", n_train=20, n_test=1, label_noise=0.1))
    digits = dataset("digits", classes=list(range(10)), side=4, n_train=150, n_test=50)
    large = problem(network("mlp", layers=(16, 10), bias=False, output_scale=0.25), digits, tabulate=False)
    return [
        Work(engine("mps"), ansatz("chain", n_qubits=task.n_bits, layers=2), objective("mle"), task)
        for task in (small, large)
    ]


def spreads(*, quick: bool = False, seed: int = 0) -> list[Spread]:
    """Every contender on every problem; ``quick`` on the small one alone."""
    found = []
    for work in works()[: 1 if quick else None]:
        theta = initial_angles(work.circuit, replicas=1, seed=seed, kind="normal", scale=0.3)
        theta = theta + np.pi / 4.0
        truth = _gradient(work, theta, seed)
        for name, (chosen, repeats) in contenders().items():
            found.append(spread(name, chosen, work, theta, truth, repeats=repeats, seed=seed))
    return found


def _gradient(work: Work, theta: Array, seed: int) -> Array:
    """∂L of one start, (P,): exact where there is a table, else from many strings."""
    if work.problem.table is not None:
        return np.asarray(work.engine.gradient(work.circuit, theta, work.problem.nll)[0])
    many = estimator("score_function", shots=1024)
    return _estimates(many, work, theta, _REFERENCE, seed + 1).mean(axis=0)


def _estimates(chosen: EstimatorConfig, work: Work, theta: Array, repeats: int, seed: int) -> Array:
    rng = np.random.Generator(np.random.Philox(key=[seed, repeats]))
    return np.concatenate([chosen.estimate(work, theta, 0, rng).gradient for _ in range(repeats)])


def spread(
    name: str, chosen: EstimatorConfig, work: Work, theta: Array, truth: Array, *, repeats: int, seed: int = 0
) -> Spread:
    """One estimator at theta (1, P), against the gradient ``truth`` (P,)."""
    found = _estimates(chosen, work, theta, repeats, seed)
    if isinstance(chosen, ScoreFunction):
        evaluations = chosen.draws_on(work.circuit)
    else:
        evaluations = chosen.circuits(work.circuit, 1)[1]
    size = float((truth**2).sum())
    variance = float(found.var(axis=0, ddof=1).sum())
    bias = max(0.0, float(((found.mean(axis=0) - truth) ** 2).sum()) - variance / repeats)
    return Spread(
        name,
        work.circuit.n_qubits,
        work.circuit.n_params,
        evaluations,
        variance * evaluations / size,
        float(np.sqrt(bias / size)),
        repeats,
    )
