"""What holds for every registered estimator with every registered objective."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.bitstrings import every_string
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.engines.base import CAPABILITIES
from qhn_core.errors import Unsupported
from qhn_core.estimators import ESTIMATORS
from qhn_core.estimators.base import Estimate, EstimatorConfig, Work
from qhn_core.estimators.draws import unroll
from qhn_core.objectives import OBJECTIVES
from qhn_core.problems.problem import Problem

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
    return qhn.problem_from_costs(rng.gamma(2.0, 1.0, 2**N), prior=prior, n_train=4)


THETA = np.random.default_rng(8).uniform(0, 6, (1, 5))
#: Engine with its options, and replicas: independent estimates at one theta.
ENGINES = [
    pytest.param(("statevector", {}), 3000, id="statevector"),
    pytest.param(("pennylane", {"device": "default.qubit"}), 3000, id="default.qubit"),
    pytest.param(("pennylane", {"device": "lightning.qubit"}), 1000, id="lightning.qubit"),
]


def estimate(
    config: EstimatorConfig,
    objective: str,
    problem: Problem,
    *,
    seed: int,
    repeats: int = 1,
    engine: tuple[str, dict[str, str]] = ("statevector", {}),
) -> Estimate:
    """One call on ``repeats`` replicas at THETA, on the engine described (by default ours)."""
    theta = np.tile(THETA, (repeats, 1))
    work = Work(qhn.engine(engine[0], **engine[1]), every_gate(), qhn.objective(objective), problem)
    return config.estimate(work, theta, 0, np.random.Generator(np.random.Philox(key=[seed, 0])))


def works(config: EstimatorConfig, objective: str) -> bool:
    try:
        needed = config.requires(qhn.objective(objective))
    except Unsupported:
        return False
    assert needed
    assert needed <= set(CAPABILITIES)
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


def moments(probs: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of g(w) for w drawn from each row of probs."""
    mean = probs @ g
    return mean, probs @ g**2 - mean**2


def shift_variance(g: np.ndarray, shots: int) -> np.ndarray:
    """Var of ½·Σ_o scale_o·(ḡ₊ − ḡ₋) for each parameter: Σ_o ¼·scale_o²·(Var₊ g + Var₋ g)/S."""
    unrolled = unroll(every_gate())
    angles = unrolled.angles(THETA)[0]
    found = np.zeros(5)
    for o, (param, scale) in enumerate(zip(unrolled.params, unrolled.scales, strict=True)):
        shifts = 0.5 * np.pi * np.eye(len(angles))[[o, o]] * [[1], [-1]]
        _, variances = moments(qhn.engine("statevector").probs(unrolled.circuit, angles + shifts), g)
        found[param] += 0.25 * scale**2 * variances.sum() / shots
    return found


def spsa_variance(g: np.ndarray, shots: int, c: float) -> np.ndarray:
    """Var of (L̂₊ − L̂₋)/(2c)·Δ_i over all 2^P sign vectors Δ, equally likely, and over the shots."""
    signs = 1.0 - 2.0 * every_string(5)
    run = qhn.engine("statevector")
    (up, var_up), (down, var_down) = (moments(run.probs(every_gate(), THETA + s * c * signs), g) for s in (1, -1))
    slope = (up - down) / (2 * c)
    second = np.mean(slope**2 + (var_up + var_down) / (4 * c**2 * shots))
    return second - (slope[:, None] * signs).mean(axis=0) ** 2


@pytest.mark.parametrize("objective", ["mle", "selbo"])
@pytest.mark.parametrize("name", ["parameter_shift", "spsa"])
@pytest.mark.parametrize(("engine", "repeats"), ENGINES)
def test_bias_and_variance_from_shots_on_every_engine(
    engine: tuple[str, dict[str, str]], repeats: int, name: str, objective: str, problem: Problem
) -> None:
    # Means as above: |z| ≤ 4.5 for six numbers. Variances, known in closed form for the MLE (its g is a constant of
    # the problem), have a standard error √((m₄ − m₂²)/R); |z| ≤ 5 for five numbers, as it is estimated and m₂ is
    # skew. A true estimator fails in fewer than one of 10,000 seeds.
    shots = 8
    config = qhn.estimators.estimator(name, shots=shots)
    exact = estimate(qhn.estimators.estimator("adjoint"), objective, problem, seed=0)
    found = estimate(config, objective, problem, seed=1, repeats=repeats, engine=engine)
    assert found.bits is not None
    allowance = 0.02 * np.abs(exact.gradient).max() if name == "spsa" else 1e-12
    for got, want, bias in ((found.gradient, exact.gradient[0], allowance), (found.value[:, None], exact.value, 1e-12)):
        error = got.std(axis=0, ddof=1) / np.sqrt(repeats)
        assert (np.abs(got.mean(axis=0) - want) <= 4.5 * error + bias).all()
    if objective == "mle":
        known = (
            shift_variance(problem.nll, shots) if name == "parameter_shift" else spsa_variance(problem.nll, shots, 0.1)
        )
        spread = (found.gradient - found.gradient.mean(axis=0)) ** 2
        error = spread.std(axis=0) / np.sqrt(repeats)
        assert (np.abs(spread.mean(axis=0) - known) <= 5.0 * error + 1e-12).all()
        assert (5.0 * error < 0.5 * known)[:4].all(), "a variance half too large would be seen"


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
    work = Work(qhn.engine("statevector"), every_gate(), qhn.objective("mle"), problem)
    config.estimate(work, np.zeros((1, 5)), 0, rng)
    after = rng.bit_generator.state["state"]["counter"], rng.bit_generator.state["buffer_pos"]
    untouched = bool((before[0] == after[0]).all()) and before[1] == after[1]
    assert untouched is not config.draws
