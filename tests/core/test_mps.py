"""The engine of matrix products against the state vector and PennyLane; what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

import qhn_core as qhn
from qhn_core.bitstrings import every_string
from qhn_core.errors import InvalidArgument, TooLarge

GATES = ("RX", "RY", "RZ", "Hadamard", "IsingZZ", "CNOT", "CZ")
NAMES = ("product", "chain", "linear", "ring", "brickwork", "basic_entangler", "strongly_entangling", "all_to_all")


@pytest.fixture(scope="module")
def mps():
    return qhn.engine("mps")


@pytest.fixture(scope="module")
def exact():
    return qhn.engine("statevector")


@st.composite
def circuits(draw):
    """Any gates on up to 5 wires, angles shared and scaled, at most 8 of them crossing."""
    n = draw(st.integers(1, 5))
    gates, params = [], 0
    for _ in range(draw(st.integers(1, 14))):
        name = draw(st.sampled_from(GATES if n > 1 else GATES[:4]))
        wires = draw(st.permutations(range(n)))[: 2 if name in ("IsingZZ", "CNOT", "CZ") else 1]
        if name in ("CNOT", "CZ", "Hadamard"):
            gates.append(qhn.Gate(name, tuple(wires)))
            continue
        slot = draw(st.integers(0, params))
        params = max(params, slot + 1)
        gates.append(qhn.Gate(name, tuple(wires), slot, scale=draw(st.sampled_from((1.0, -0.5))), offset=0.3))
    crossing = [g for g in gates if len(g.wires) == 2]
    for gate in crossing[8:]:
        gates.remove(gate)
    return qhn.Circuit(n, tuple(gates))


@settings(max_examples=60, deadline=None)
@given(circuits(), st.integers(0, 2**16))
def test_any_circuit_has_the_probabilities_and_gradients_of_the_state_vector(mps, exact, circuit, seed):
    rng = np.random.default_rng(seed)
    theta = rng.uniform(0, 2 * np.pi, (2, circuit.n_params))
    diagonal = rng.normal(size=2**circuit.n_qubits)
    np.testing.assert_allclose(mps.probs(circuit, theta), exact.probs(circuit, theta), atol=1e-12)
    np.testing.assert_allclose(
        mps.gradient(circuit, theta, diagonal), exact.gradient(circuit, theta, diagonal), atol=1e-11
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_qubits", [3, 6])
def test_registered_circuits_agree_with_the_state_vector(mps, exact, name, n_qubits):
    circuit = qhn.ansatz(name, n_qubits=n_qubits, layers=1 if name in ("product", "all_to_all") else 2)
    theta = qhn.initial_angles(circuit, replicas=2, seed=3)
    q = exact.probs(circuit, theta)
    strings, log_q = mps.draw(circuit, theta, 32, np.random.default_rng(0))
    weights = 2 ** np.arange(n_qubits - 1, -1, -1)
    for r in range(2):
        np.testing.assert_allclose(log_q[r], np.log(q[r][strings[r] @ weights]), atol=1e-10)
    np.testing.assert_allclose(mps.log_prob(circuit, theta, strings), log_q, atol=1e-12)
    g = np.random.default_rng(1).normal(size=2**n_qubits)
    everything = every_string(n_qubits)
    score = mps.score(circuit, theta, everything, q * g)
    np.testing.assert_allclose(score, exact.gradient(circuit, theta, g), atol=1e-10)


@pytest.mark.parametrize("name", ["chain", "linear", "brickwork", "strongly_entangling"])
def test_draws_follow_q(mps, name):
    """Chi-square of 20,000 draws over all 2^6 strings; each circuit fails by chance once in 10^4."""
    circuit = qhn.ansatz(name, n_qubits=6, layers=2)
    theta = qhn.initial_angles(circuit, seed=5)[0]
    q = mps.probs(circuit, theta)
    bits = mps.sample(circuit, theta, 20_000, np.random.default_rng(7))
    counts = np.bincount(bits @ (2 ** np.arange(5, -1, -1)), minlength=64)
    seen = q * 20_000 > 5
    rest = max(20_000 * q[~seen].sum(), 1e-9)
    statistic = ((counts[seen] - 20_000 * q[seen]) ** 2 / (20_000 * q[seen])).sum()
    statistic += (counts[~seen].sum() - rest) ** 2 / max(rest, 1.0)
    assert statistic < chi2.ppf(1 - 1e-4, seen.sum())


def test_log_q_of_two_thousand_wires_is_that_of_independent_bits(mps):
    """A product circuit's log q is a sum of logarithms; a chain of one layer has the same q. q is about e^−1400."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (3, 2000)).astype(np.uint8)
    theta = rng.uniform(0, 2 * np.pi, 2000)
    ones = np.sin(theta / 2) ** 2
    expected = np.log(np.where(bits, ones, 1 - ones)).sum(axis=1)
    product = qhn.ansatz("product", n_qubits=2000)
    np.testing.assert_allclose(mps.log_prob(product, theta, bits), expected, rtol=1e-12)
    chain = qhn.ansatz("chain", n_qubits=2000, layers=1)
    both = np.stack([theta, rng.uniform(0, 2 * np.pi, 2000)], axis=1).ravel()
    np.testing.assert_allclose(mps.log_prob(chain, both, bits), expected, rtol=1e-12)
    assert expected.max() < -1000


def test_the_whole_adds_up_to_one_at_two_thousand_wires(mps):
    for name in ("chain", "linear", "brickwork"):
        circuit = qhn.ansatz(name, n_qubits=2000, layers=3)
        theta = qhn.initial_angles(circuit, seed=2)
        tables = mps.tables(circuit, theta, 1)[1]
        assert abs(tables.environments[0, 0] - 1.0) < 1e-10


def test_a_finite_difference_of_log_q_is_the_score_at_five_hundred_wires(mps):
    circuit = qhn.ansatz("brickwork", n_qubits=500, layers=4)
    theta = qhn.initial_angles(circuit, seed=4)[0]
    bits, _log_q = mps.draw(circuit, theta, 9, np.random.default_rng(1))
    weights = np.random.default_rng(2).normal(size=9)
    direction = np.random.default_rng(3).normal(size=circuit.n_params)
    h = 1e-5
    up, down = (weights @ mps.log_prob(circuit, theta + sign * h * direction, bits) for sign in (1, -1))
    assert mps.score(circuit, theta, bits, weights) @ direction == pytest.approx((up - down) / (2 * h), rel=1e-6)


def test_threads_and_batches_do_not_change_a_bit():
    circuit = qhn.ansatz("chain", n_qubits=130, layers=3)
    theta = qhn.initial_angles(circuit, replicas=3, seed=0)
    found = []
    for threads in (1, 2, 5):
        engine = qhn.engine("mps", threads=threads)
        bits, log_q = engine.draw(circuit, theta, 70, np.random.default_rng(0))
        found.append((bits, log_q, engine.score(circuit, theta, bits, np.sin(log_q))))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
    alone = qhn.engine("mps").score(circuit, theta[1], found[0][0][1], np.sin(found[0][1][1]))
    np.testing.assert_allclose(alone, found[0][2][1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_qubits", [62, 63, 64, 65, 126, 127, 128, 129])
def test_nothing_ends_at_a_word_of_the_machine(mps, n_qubits):
    """At θ = π every bit of a product circuit is 1 with certainty, also beyond what an integer numbers."""
    circuit = qhn.ansatz("product", n_qubits=n_qubits)
    theta = np.full(n_qubits, np.pi)
    theta[0] = np.pi / 2
    bits, log_q = mps.draw(circuit, theta, 50, np.random.default_rng(0))
    assert bits[:, 1:].all()
    assert 0 < bits[:, 0].sum() < 50
    np.testing.assert_allclose(log_q, np.log(0.5), atol=1e-12)


def test_too_many_bonds_are_refused_with_their_number_and_a_way_out(mps):
    circuit = qhn.ansatz("all_to_all", n_qubits=100, layers=2)
    with pytest.raises(TooLarge, match=r"all_to_all at N=100 needs chi = 2\^2500 .* Use chain, brickwork or linear"):
        mps.draw(circuit, np.zeros(circuit.n_params), 4, np.random.default_rng(0))
    wide = qhn.ansatz("chain", n_qubits=2000, layers=9)
    with pytest.raises(TooLarge, match=r"chi = 2\^8 needs about .* GB"):
        mps.draw(wide, np.zeros(wide.n_params), 4, np.random.default_rng(0))
    with pytest.raises(TooLarge, match="tables end at 20 qubits"):
        mps.probs(qhn.ansatz("chain", n_qubits=60, layers=1), np.zeros(120))


def test_strings_of_another_width_are_refused(mps):
    circuit = qhn.ansatz("chain", n_qubits=30, layers=1)
    with pytest.raises(InvalidArgument, match="bits: expected shape"):
        mps.log_prob(circuit, np.zeros(60), np.zeros((4, 29), np.uint8))
    with pytest.raises(InvalidArgument, match="entries 0 and 1"):
        mps.log_prob(circuit, np.zeros(60), np.full((4, 30), 2))
    with pytest.raises(InvalidArgument, match="q above 0"):
        mps.score(circuit, np.zeros(60), np.ones((4, 30), np.uint8), np.ones(4))
    with pytest.raises(InvalidArgument, match="weights: expected shape"):
        mps.score(circuit, np.zeros(60), np.zeros((4, 30), np.uint8), np.ones(3))
