"""What holds for every registered estimator with every registered objective."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.circuit import Circuit, Gate
from qhn_core.engines.base import AMPLITUDE_OF_SAMPLE, GRADIENT, PROBABILITIES, SAMPLES
from qhn_core.errors import Unsupported
from qhn_core.estimators import ESTIMATORS
from qhn_core.estimators.base import EstimatorConfig
from qhn_core.objectives import OBJECTIVES
from qhn_core.problems import Problem

N = 3
PAIRS = [(e, o) for e in ESTIMATORS.names() for o in OBJECTIVES.names()]


def every_gate() -> Circuit:
    """Every gate there is, a parameter used three times, scales and offsets, and one parameter never used."""
    return Circuit(
        N,
        (
            Gate("Hadamard", 0),
            Gate("RX", 0, param=0),
            Gate("RY", 1, param=1, scale=-0.5, offset=0.3),
            Gate("IsingZZ", (0, 2), param=2, scale=1.5),
            Gate("CNOT", (0, 1)),
            Gate("RY", 2, param=1),
            Gate("RZ", 1, param=0, scale=2.0),
            Gate("CZ", (1, 2)),
            Gate("RX", 1, param=3),
            Gate("RY", 0, offset=0.7),
            Gate("RX", 2, param=1, offset=-1.0),
        ),
        n_params=5,
    )


@pytest.fixture
def problem() -> Problem:
    rng = np.random.default_rng(0)
    prior = qhn.prior("bernoulli", rho=(0.4, 0.5, 0.7))
    return Problem(n_bits=N, n_train=4, nll=rng.gamma(2.0, 1.0, 2**N), prior=prior)


def estimate(config: EstimatorConfig, objective: str, problem: Problem, *, seed: int, repeats: int = 1):
    theta = np.tile(np.random.default_rng(8).uniform(0, 6, (1, 5)), (repeats, 1))
    return config.estimate(
        engine=qhn.engine("statevector"),
        circuit=every_gate(),
        theta=theta,
        objective=qhn.objective(objective),
        problem=problem,
        step=0,
        rng=np.random.Generator(np.random.Philox(key=[seed, 0])),
    )


def works(config: EstimatorConfig, objective: str) -> bool:
    try:
        needed = config.requires(qhn.objective(objective))
    except Unsupported:
        return False
    assert needed <= {PROBABILITIES, GRADIENT, SAMPLES, AMPLITUDE_OF_SAMPLE}
    return True


@pytest.mark.parametrize(("name", "objective"), PAIRS)
def test_unbiased_against_the_exact_gradient_or_refused(name: str, objective: str, problem: Problem) -> None:
    # 3000 replicas at one theta are 3000 independent estimates; six z-scores at 4.5 fail a true estimator in about
    # four of 100,000 seeds. SPSA's bias, of order c² relative, has an allowance of its own.
    few = {"shots": 8} if "shots" in ESTIMATORS[name].model_fields else {}
    config = qhn.estimators.estimator(name, **few)
    if not works(config, objective):
        with pytest.raises(Unsupported, match=r"explicit distribution.*implicit"):
            estimate(config, objective, problem, seed=1)
        return
    exact = estimate(qhn.estimators.estimator("adjoint"), objective, problem, seed=0)
    found = estimate(config, objective, problem, seed=1, repeats=3000)
    size = np.abs(exact.gradient).max()
    for got, want, allowance in (
        (found.gradient, exact.gradient[0], 0.02 * size if name == "spsa" else 1e-12),
        (found.value[:, None], exact.value, 1e-12),
    ):
        error = got.std(axis=0, ddof=1) / np.sqrt(len(got))
        assert (np.abs(got.mean(axis=0) - want) <= 4.5 * error + allowance).all()
    assert (found.gradient[:, 4] == 0.0).all() or name == "spsa"


@pytest.mark.parametrize(("name", "objective"), PAIRS)
def test_same_generator_gives_the_same_bits(name: str, objective: str, problem: Problem) -> None:
    config = qhn.estimators.estimator(name)
    if works(config, objective):
        first, second = (estimate(config, objective, problem, seed=7, repeats=2) for _ in range(2))
        np.testing.assert_array_equal(first.gradient, second.gradient)
        np.testing.assert_array_equal(first.value, second.value)
        assert sum(first.terms.values()) == pytest.approx(first.value)


@pytest.mark.parametrize("name", ESTIMATORS.names())
def test_costs_are_whole_numbers_that_grow_with_replicas(name: str) -> None:
    config = qhn.estimators.estimator(name)
    (one, shots_one), (two, shots_two) = (config.circuits(every_gate(), replicas) for replicas in (1, 2))
    assert one >= 1
    assert (two, shots_two) == (2 * one, 2 * shots_one)


@pytest.mark.parametrize("name", ESTIMATORS.names())
def test_one_that_says_it_draws_nothing_leaves_the_generator_alone(name: str, problem: Problem) -> None:
    rng = np.random.Generator(np.random.Philox(3))
    before = rng.bit_generator.state["state"]["counter"].copy(), rng.bit_generator.state["buffer_pos"]
    config = ESTIMATORS.parse(name)
    config.estimate(
        engine=qhn.engine("statevector"),
        circuit=every_gate(),
        theta=np.zeros((1, 5)),
        objective=qhn.objective("mle"),
        problem=problem,
        step=0,
        rng=rng,
    )
    after = rng.bit_generator.state["state"]["counter"], rng.bit_generator.state["buffer_pos"]
    untouched = bool((before[0] == after[0]).all()) and before[1] == after[1]
    assert untouched is not config.draws
