"""Estimators: parity with the exact gradient where they are exact, bias and variance where they are not."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.ansatze import ANSATZE
from qhn_core.bitstrings import from_index, index_of
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.engines.tabulated import draw_index
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.estimators import EstimatorConfig, draws, estimator
from qhn_core.estimators import parameter_shift as shift_module
from qhn_core.estimators.base import Work
from qhn_core.objectives import OBJECTIVES
from qhn_core.problems.problem import Problem
from qhn_core.problems.problem import problem as make_problem
from qhn_core.problems.stack import stack_problems


def run(
    config: EstimatorConfig, circuit: Circuit, theta: np.ndarray, objective: object, problem: Problem, seed: int = 0
):
    work = Work(qhn.engine("statevector"), circuit, objective, problem)  # type: ignore[arg-type]
    return config.estimate(work, theta, 3, np.random.default_rng(seed))


def setting(
    name: str = "linear", n: int = 4, replicas: int = 2, **options: object
) -> tuple[Circuit, np.ndarray, Problem]:
    circuit = qhn.ansatz(name, n_qubits=n, **options)
    theta = qhn.initial_angles(circuit, replicas=replicas, seed=1)
    return circuit, theta, qhn.problem_from_costs(np.random.default_rng(2).gamma(2.0, 2.0, 2**n))


@pytest.mark.parametrize("ansatz", ANSATZE.names())
@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_exact_parameter_shift_is_the_adjoint_gradient(ansatz: str, objective: str) -> None:
    circuit, theta, problem = setting(ansatz)
    loss = qhn.objective(objective)
    adjoint = run(estimator("adjoint"), circuit, theta, loss, problem)
    shift = run(estimator("parameter_shift", shots=None), circuit, theta, loss, problem)
    np.testing.assert_allclose(shift.gradient, adjoint.gradient, atol=1e-10)
    np.testing.assert_allclose(shift.value, adjoint.value, atol=1e-10)


@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_adjoint_gradient_is_the_finite_difference_of_the_loss(objective: str) -> None:
    circuit, theta, problem = setting(replicas=1, layers=2)
    loss, engine, step = qhn.objective(objective), qhn.engine("statevector"), 1e-5
    found = run(estimator("adjoint"), circuit, theta, loss, problem).gradient[0]
    ends = theta + step * np.concatenate([np.eye(circuit.n_params), -np.eye(circuit.n_params)])
    values = loss.exact(engine.probs(circuit, ends), problem, 3).value.reshape(2, -1)
    np.testing.assert_allclose(found, (values[0] - values[1]) / (2 * step), atol=1e-6)


EVERY_GATE = Circuit(
    3,
    (
        Gate("Hadamard", (0,)),
        Gate("RX", (0,), param=0),
        Gate("RY", (1,), param=1, scale=-0.5, offset=0.3),
        Gate("IsingZZ", (0, 2), param=2),
        Gate("CNOT", (0, 1)),
        Gate("RZ", (1,), param=0, scale=2.0),
        Gate("CZ", (1, 2)),
        Gate("RX", (1,), param=3),
        Gate("RY", (2,), param=1),
    ),
)


@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_every_gate_adjoint_shift_pennylane_and_finite_differences_agree(objective: str) -> None:
    theta = np.random.default_rng(5).uniform(0, 2 * np.pi, (1, 4))
    problem, loss = qhn.problem_from_costs(np.random.default_rng(2).gamma(2.0, 2.0, 8)), qhn.objective(objective)
    engine, step = qhn.engine("statevector"), 1e-5
    gradients = [run(estimator("adjoint"), EVERY_GATE, theta, loss, problem).gradient[0]]
    gradients.append(run(estimator("parameter_shift", shots=None), EVERY_GATE, theta, loss, problem).gradient[0])
    reference = qhn.engine("pennylane", device="default.qubit")
    config, rng = estimator("adjoint"), np.random.default_rng(0)
    gradients.append(config.estimate(Work(reference, EVERY_GATE, loss, problem), theta, 3, rng).gradient[0])
    for other in gradients[1:]:
        np.testing.assert_allclose(other, gradients[0], atol=1e-9)
    ends = theta + step * np.concatenate([np.eye(4), -np.eye(4)])
    values = loss.exact(engine.probs(EVERY_GATE, ends), problem, 3).value.reshape(2, -1)
    np.testing.assert_allclose(gradients[0], (values[0] - values[1]) / (2 * step), atol=1e-7)


def test_shared_and_scaled_parameters_are_summed_over_their_occurrences() -> None:
    gates = (Gate("RY", 0, param=0, scale=3.0), Gate("CNOT", (0, 1)), Gate("RX", 1, param=0, scale=-0.4, offset=1.0))
    circuit, theta = Circuit(2, gates), np.array([[0.3], [1.9]])
    problem = qhn.problem_from_costs([0.0, 1.0, 3.0, -2.0])
    loss = qhn.objective("elbo")
    shift = run(estimator("parameter_shift", shots=None), circuit, theta, loss, problem)
    np.testing.assert_allclose(
        shift.gradient, run(estimator("adjoint"), circuit, theta, loss, problem).gradient, atol=1e-12
    )


def test_circuit_without_parameters_has_an_empty_gradient() -> None:
    circuit, problem = Circuit(2, (Gate("Hadamard", 0),)), qhn.problem_from_costs([0.0, 1.0, 2.0, 3.0])
    for name in ("parameter_shift", "spsa", "score_function"):
        found = run(estimator(name, shots=16), circuit, np.zeros((1, 0)), qhn.objective("mle"), problem)
        assert found.gradient.shape == (1, 0)


@pytest.mark.parametrize("objective", ["mle", "selbo", "ksd"])
def test_parameter_shift_by_distinct_strings_equals_the_table(monkeypatch: pytest.MonkeyPatch, objective: str) -> None:
    circuit, theta, problem = setting()
    by_table = run(estimator("parameter_shift", shots=40), circuit, theta, qhn.objective(objective), problem)
    monkeypatch.setattr(shift_module, "HISTOGRAM_BITS", 0)
    by_string = run(estimator("parameter_shift", shots=40), circuit, theta, qhn.objective(objective), problem)
    np.testing.assert_allclose(by_string.gradient, by_table.gradient, atol=1e-12)


@pytest.mark.parametrize("name", ["parameter_shift", "spsa"])
def test_batches_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    circuit, theta, problem = setting()
    config, loss = estimator(name, shots=None), qhn.objective("selbo")
    at_once = run(config, circuit, theta, loss, problem)
    monkeypatch.setattr(draws, "PROBABILITIES_AT_ONCE", 3 << 4)
    np.testing.assert_allclose(run(config, circuit, theta, loss, problem).gradient, at_once.gradient, atol=1e-13)


def test_parameter_shift_variance_falls_as_one_over_shots() -> None:
    circuit, theta, problem = setting(replicas=1, layers=1)
    many = np.repeat(theta, 400, axis=0)
    spread = [
        run(estimator("parameter_shift", shots=s), circuit, many, qhn.objective("mle"), problem).gradient.var(axis=0)
        for s in (32, 512)
    ]
    # A ratio of two variances from 400 draws each, averaged over 8 parameters: within ±25 % of 16 but for < 1e-6.
    assert 12.0 < spread[0].sum() / spread[1].sum() < 20.0


def test_parameter_shift_variance_is_that_of_the_shifted_means() -> None:
    circuit, theta, problem = setting(replicas=1, layers=1)
    many, shots, engine = np.repeat(theta, 2000, axis=0), 16, qhn.engine("statevector")
    found = run(estimator("parameter_shift", shots=shots), circuit, many, qhn.objective("mle"), problem)
    for k in range(circuit.n_params):
        ends = theta + 0.5 * np.pi * np.array([[1.0], [-1.0]]) * np.eye(circuit.n_params)[k]
        q = engine.probs(circuit, ends)
        variance = (q @ problem.nll**2 - (q @ problem.nll) ** 2).sum() / (4 * shots)
        # The sample variance of 2000 nearly normal numbers has a relative error of 3.2 %; 5 of those: < 1e-5 in all.
        assert found.gradient[:, k].var(ddof=1) == pytest.approx(variance, rel=0.16)


def test_leave_one_out_baseline_lowers_the_variance() -> None:
    circuit, theta, problem = setting(replicas=1, layers=1)
    shifted = qhn.problem_from_costs(problem.nll + 100.0)
    many = np.repeat(theta, 300, axis=0)
    config = estimator("score_function", shots=32)
    plain, moved = (run(config, circuit, many, qhn.objective("mle"), p).gradient for p in (problem, shifted))
    np.testing.assert_allclose(plain, moved, atol=1e-9)  # a constant in the loss adds no noise at all


class EverySign(np.random.Generator):
    """Instead of random signs, each of the 2^P sign vectors once."""

    def integers(self, low: int, high: int, size: tuple[int, ...]) -> np.ndarray:  # type: ignore[override]
        return from_index(np.arange(size[0]), size[2])[:, None, :].astype(np.int64)


def test_spsa_expectation_over_all_signs_has_a_bias_of_order_c_squared() -> None:
    circuit, engine = qhn.ansatz("product", n_qubits=3), qhn.engine("statevector")
    theta, problem = np.array([[0.4, 1.1, 2.0]]), qhn.problem_from_costs(np.arange(8.0) ** 2)
    exact = run(estimator("adjoint"), circuit, theta, qhn.objective("mle"), problem).gradient
    bias, work = [], Work(engine, circuit, qhn.objective("mle"), problem)
    for c in (0.4, 0.1):
        config = estimator("spsa", shots=None, c=c, averages=8)
        found = config.estimate(work, theta, 0, EverySign(np.random.PCG64()))
        bias.append(np.abs(found.gradient - exact).max() / np.abs(exact).max())
    assert bias[1] < 0.02
    assert bias[0] / bias[1] == pytest.approx(16.0, rel=0.15)


def small_network(*, tabulate: bool | None, seed: int = 0) -> Problem:
    data = qhn.dataset("xor", n_train=12, n_test=0, seed=seed)
    return make_problem(qhn.network("mlp", layers=(2, 1, 1)), data, tabulate=tabulate)


@pytest.mark.parametrize(
    ("name", "objective"),
    [(e, o) for e in ("score_function", "spsa", "parameter_shift") for o in ("mle", "selbo", "ksd")]
    + [("score_function", "elbo")],
)
def test_without_a_table_drawn_strings_give_the_same_estimate(name: str, objective: str) -> None:
    config, loss = estimator(name, shots=64), qhn.objective(objective)
    known, drawn = (small_network(tabulate=t) for t in (None, False))
    circuit = qhn.ansatz("linear", n_qubits=known.n_bits, layers=1)
    theta = qhn.initial_angles(circuit, replicas=2, seed=1)
    with_table, without = (run(config, circuit, theta, loss, p) for p in (known, drawn))
    np.testing.assert_allclose(without.gradient, with_table.gradient, atol=1e-9)
    np.testing.assert_allclose(without.value, with_table.value, atol=1e-9)
    assert without.probs is None
    assert without.bits is not None


def test_without_a_table_only_drawn_strings_and_neighbours_are_evaluated() -> None:
    problem = small_network(tabulate=False)
    circuit = qhn.ansatz("product", n_qubits=problem.n_bits)
    asked: list[int] = []
    inner = problem.nll_at

    def counting(bits: np.ndarray) -> np.ndarray:
        asked.extend(np.unique(index_of(bits)).tolist())
        return inner(bits)

    object.__setattr__(problem, "nll_at", counting)
    theta = np.full((1, circuit.n_params), 0.02)  # nearly all draws are 0…0
    run(estimator("score_function", shots=32), circuit, theta, qhn.objective("selbo"), problem)
    assert 0 in asked
    assert len(set(asked)) <= 8


@pytest.mark.parametrize("objective", ["mle", "selbo", "ksd"])
def test_exact_estimators_without_a_table_are_refused(objective: str) -> None:
    problem = small_network(tabulate=False)
    circuit = qhn.ansatz("product", n_qubits=problem.n_bits)
    with pytest.raises(Unsupported, match="score_function or spsa"):
        run(estimator("adjoint"), circuit, np.zeros((1, circuit.n_params)), qhn.objective(objective), problem)


def test_replicas_with_their_own_data() -> None:
    parts = [small_network(tabulate=None, seed=s) for s in (0, 1)]
    stack = stack_problems(parts, 4)
    circuit = qhn.ansatz("linear", n_qubits=stack.n_bits, layers=1)
    theta = np.repeat(qhn.initial_angles(circuit, replicas=2, seed=1), 2, axis=0)
    for name in ("adjoint", "parameter_shift"):
        config = estimator(name) if name == "adjoint" else estimator(name, shots=None)
        together = run(config, circuit, theta, qhn.objective("selbo"), stack)
        for b in range(4):
            alone = run(config, circuit, theta[b : b + 1], qhn.objective("selbo"), parts[b % 2])
            np.testing.assert_allclose(together.gradient[b], alone.gradient[0], atol=1e-10)
    for name in ("parameter_shift", "spsa", "score_function"):
        found = run(estimator(name, shots=32), circuit, theta, qhn.objective("selbo"), stack)
        assert np.isfinite(found.gradient).all()


def test_elbo_by_score_function_needs_only_drawn_strings() -> None:
    circuit, theta, problem = setting()
    found = run(estimator("score_function", shots=64), circuit, theta, qhn.objective("elbo"), problem)
    assert found.bits is not None
    assert found.bits.shape == (2, 64, 4)


@pytest.mark.parametrize("name", ["parameter_shift", "spsa"])
def test_elbo_on_a_device_is_refused_before_anything_runs(name: str) -> None:
    with pytest.raises(Unsupported, match="explicit distribution"):
        estimator(name, shots=100).requires(qhn.objective("elbo"))
    assert estimator(name, shots=None).requires(qhn.objective("elbo")) == {"probabilities"}


def test_cost_counts_circuits_and_shots() -> None:
    circuit = qhn.ansatz("linear", n_qubits=9, layers=3)
    assert estimator("parameter_shift", shots=1024).circuits(circuit, 1) == (109, 109 * 1024)
    assert estimator("parameter_shift", shots=None).circuits(circuit, 2) == (218, 0)
    assert estimator("spsa", shots=10, averages=2).circuits(circuit, 3) == (15, 150)
    assert estimator("adjoint").circuits(circuit, 5) == (5, 0)


@pytest.mark.parametrize("shots", [0, 1, 2_000_000])
def test_impossible_shots_are_refused(shots: int) -> None:
    with pytest.raises(InvalidArgument, match="shots"):
        estimator("parameter_shift", shots=shots)


def test_draws_by_inversion_follow_the_distribution_and_never_take_impossible_strings() -> None:
    q = np.array([[0.0, 0.5, 0.0, 0.25, 0.25, 0.0, 0.0, 0.0], [0.0] * 7 + [1.0]])
    index = draw_index(q, 40_000, np.random.default_rng(0))
    counts = np.stack([np.bincount(row, minlength=8) for row in index])
    assert (counts[q == 0.0] == 0).all()
    # Chi-square with 2 degrees of freedom, threshold at 1e-5.
    expected = 40_000 * q[0][q[0] > 0]
    assert ((counts[0][q[0] > 0] - expected) ** 2 / expected).sum() < 23.0


@pytest.mark.parametrize("n", [1, 5, 12, 18])
def test_draws_are_the_plain_inversion(n: int) -> None:
    rng = np.random.default_rng(n)
    q = rng.dirichlet(np.full(2**n, 0.05), 3) * rng.uniform(0.5, 2.0, (3, 1))
    index = draw_index(q, 5000, np.random.default_rng(1))
    uniform = np.random.default_rng(1).random((3, 5000))
    for row, found, u in zip(q, index, uniform, strict=True):
        cumulative = np.cumsum(row)
        plain = np.searchsorted(cumulative, u * cumulative[-1], side="right")
        np.testing.assert_array_equal(found, plain)


def test_draws_at_the_edge_of_the_interval_stay_inside() -> None:
    class Edge(np.random.Generator):
        def random(self, size: object = None) -> np.ndarray:  # type: ignore[override]
            return np.full(size, np.nextafter(1.0, 0.0))  # type: ignore[arg-type]

    q = np.array([[0.1] * 3 + [0.7 - 1e-16] + [0.0] * 4])
    assert (draw_index(q, 4, Edge(np.random.PCG64())) == 3).all()
