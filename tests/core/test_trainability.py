"""Gradient variances against cases that can be integrated by hand."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.analysis.trainability import fit_slope, gradient_variance, relative_gradient, variance_scan
from qhn_core.bitstrings import every_string
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.errors import Cancelled, InvalidArgument
from qhn_core.problems.problem import Problem


def projector(n: float) -> tuple[Circuit, Problem]:
    costs = np.zeros(2 ** int(n))
    costs[0] = 1.0
    return qhn.ansatz("product", n_qubits=int(n)), qhn.problem_from_costs(costs)


def mean_bit(n: int) -> Problem:
    return qhn.problem_from_costs(every_string(n).mean(axis=1))


def test_variance_of_a_product_circuit_is_the_integral() -> None:
    # q(0…0) = Π cos²(θ_i/2), so Var ∂_k = ¼ · ½ · (3/8)^{N−1}; 4.5 standard errors fail seven seeds in a million.
    circuit, problem = projector(4)
    found = gradient_variance(circuit, problem, qhn.objective("mle"), engine=qhn.engine("statevector"), replicas=4000)
    assert abs(found.variance - (3 / 8) ** 3 / 8) < 4.5 * found.error
    assert found.error < 0.1 * found.variance
    assert found.mean_square == pytest.approx(found.variance, rel=0.02)
    assert (found.active, found.n_params) == (4, 4)
    # Var Π cos²(θ/2) = (3/8)^4 − (1/4)^4
    assert found.loss_variance == pytest.approx((3 / 8) ** 4 - (1 / 4) ** 4, rel=0.3)


def test_global_cost_falls_exponentially_and_the_fit_finds_the_rate() -> None:
    found = variance_scan(
        [2, 3, 4, 5, 6], projector, qhn.objective("mle"), engine=qhn.engine("statevector"), replicas=1500
    )
    assert abs(found.slope.slope - np.log(3 / 8)) < 4.5 * found.slope.error
    assert found.slope.error < 0.1
    assert found.slope.low < found.slope.slope < found.slope.high < 0.0
    assert found.slope.factor == pytest.approx(3 / 8, abs=0.12)


def test_local_cost_does_not_fall_exponentially() -> None:
    engine = qhn.engine("statevector")
    for n in (2, 5):
        circuit = qhn.ansatz("product", n_qubits=n)
        found = gradient_variance(circuit, mean_bit(n), qhn.objective("mle"), engine=engine, replicas=1500)
        assert abs(found.variance - 1 / (8 * n**2)) < 4.5 * found.error


def test_parameters_that_cannot_move_the_loss_are_left_out() -> None:
    circuit = Circuit(2, (Gate("RY", 0, param=0), Gate("RY", 1, param=1), Gate("RZ", 0, param=2)))
    engine = qhn.engine("statevector")
    found = gradient_variance(circuit, mean_bit(2), qhn.objective("mle"), engine=engine, replicas=400)
    assert (found.active, found.n_params) == (2, 3)
    assert found.per_parameter[2] < 1e-30
    assert found.variance == pytest.approx(found.per_parameter[:2].mean())


def test_examples_and_batches_do_not_move_the_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit, one = projector(3)
    many = qhn.problem_from_costs(50 * one.nll, prior=one.prior, n_train=50)
    engine, loss = qhn.engine("statevector"), qhn.objective("mle")
    first = gradient_variance(circuit, one, loss, engine=engine, replicas=50)
    assert gradient_variance(circuit, many, loss, engine=engine, replicas=50).variance == pytest.approx(first.variance)
    monkeypatch.setattr("qhn_core.analysis.trainability.AT_ONCE", 7 << 3)
    again = gradient_variance(circuit, one, loss, engine=engine, replicas=50)
    assert again.variance == pytest.approx(first.variance, rel=1e-12)


def test_slope_of_an_exact_line_and_its_errors() -> None:
    x = np.array([2.0, 4.0, 6.0, 8.0])
    exact = fit_slope(x, np.exp(1.0 - 0.5 * x))
    assert exact.slope == pytest.approx(-0.5)
    assert exact.intercept == pytest.approx(1.0)
    assert exact.error < 1e-12
    weighted = fit_slope(x, np.exp(1.0 - 0.5 * x), errors=0.1 * np.exp(1.0 - 0.5 * x))
    assert weighted.error == pytest.approx(0.1 / np.sqrt(((x - 5) ** 2).sum()))


def test_slope_covers_the_truth_as_often_as_stated() -> None:
    # 95 % nominal; 600 trials, allowed 91 to 99 %: within 4 standard errors of the nominal rate.
    rng, x, inside = np.random.default_rng(0), np.arange(4.0, 11.0), 0
    for _ in range(600):
        variance = np.exp(-0.7 * x) * np.exp(0.1 * rng.normal(size=x.size))
        found = fit_slope(x, variance, errors=0.1 * variance)
        inside += found.low <= -0.7 <= found.high
    assert 0.91 < inside / 600 < 0.99


def test_where_a_run_stands() -> None:
    circuit, problem = projector(3)
    start = gradient_variance(circuit, problem, qhn.objective("mle"), engine=qhn.engine("statevector"), replicas=50)
    norm = np.sqrt(start.active * start.mean_square)
    np.testing.assert_allclose(relative_gradient([norm, norm / 10], start), [1.0, 0.01])


def test_cancelling_and_impossible_requests() -> None:
    circuit, problem = projector(2)
    engine, loss = qhn.engine("statevector"), qhn.objective("mle")
    with pytest.raises(Cancelled):
        gradient_variance(circuit, problem, loss, engine=engine, cancelled=lambda: True)
    with pytest.raises(InvalidArgument, match="two different values"):
        fit_slope([3.0, 3.0], [0.1, 0.2])
    with pytest.raises(InvalidArgument, match="at least one parameter"):
        gradient_variance(Circuit(2, (Gate("Hadamard", 0),)), problem, loss, engine=engine)
