"""draw, log_prob and score of every engine that has them, against the slow twin, finite differences and statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import qhn_core as qhn
from qhn_core.bitstrings import every_string, from_index, index_of
from qhn_core.engines import ENGINES
from qhn_core.engines.base import CAPABILITIES, Draws, Engine, Scores, Tabulates, capabilities, takes
from qhn_core.engines.statevector import twin
from qhn_core.errors import InvalidArgument, TooLarge, Unsupported

ENGINES_WITH_SCORES = [
    pytest.param(("statevector", {}), id="statevector"),
    pytest.param(("pennylane", {"device": "default.qubit"}), id="default.qubit"),
    pytest.param(("pennylane", {"device": "lightning.qubit"}), id="lightning.qubit"),
]


def some(name="brickwork", n=4, layers=2, replicas=2):
    circuit = qhn.ansatz(name, n_qubits=n, layers=layers)
    return circuit, np.random.default_rng(3).uniform(0.0, 6.0, (replicas, circuit.n_params))


@pytest.mark.parametrize("which", ENGINES_WITH_SCORES)
def test_log_q_and_score_agree_with_the_twin_and_with_finite_differences(which):
    circuit, theta = some()
    engine, rng = qhn.engine(which[0], **which[1]), np.random.default_rng(0)
    bits, weights = from_index(rng.integers(0, 16, (2, 5)), 4), rng.normal(size=(2, 5))
    q = np.stack([twin.probs(circuit, row) for row in theta])
    np.testing.assert_allclose(
        engine.log_prob(circuit, theta, bits), np.log(np.take_along_axis(q, index_of(bits), 1)), rtol=0, atol=1e-10
    )
    score = engine.score(circuit, theta, bits, weights)
    h, slope = 1e-5, np.zeros_like(theta)
    for k in range(theta.shape[1]):
        step = h * np.eye(theta.shape[1])[k]
        up, down = (engine.log_prob(circuit, theta + sign * step, bits) for sign in (1.0, -1.0))
        slope[:, k] = ((up - down) * weights).sum(axis=1) / (2 * h)
    np.testing.assert_allclose(score, slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("which", ENGINES_WITH_SCORES)
def test_drawn_strings_follow_q_and_come_with_its_logarithm(which):
    # Chi-squared over 16 strings from 20,000 draws of each of two replicas: a true engine fails once in 10^6 seeds.
    circuit, theta = some()
    engine = qhn.engine(which[0], **which[1])
    bits, log_q = engine.draw(circuit, theta, 20_000, np.random.default_rng(1))
    assert (bits.shape, bits.dtype, log_q.shape) == ((2, 20_000, 4), np.uint8, (2, 20_000))
    np.testing.assert_allclose(log_q, engine.log_prob(circuit, theta, bits), rtol=0, atol=1e-12)
    for row, at in zip(theta, index_of(bits), strict=True):
        expected = 20_000 * twin.probs(circuit, row)
        assert chisquare(np.bincount(at, minlength=16), expected).pvalue > 5e-7


def test_draw_gives_the_strings_that_sample_gives():
    circuit, theta = some()
    engine = qhn.engine("statevector")
    bits, _ = engine.draw(circuit, theta, 64, np.random.default_rng(5))
    np.testing.assert_array_equal(bits, engine.sample(circuit, theta, 64, np.random.default_rng(5)))


def test_what_a_draw_keeps_is_that_circuits_at_those_angles_and_nobody_can_change_it():
    engine, fresh = qhn.engine("statevector"), lambda: qhn.engine("statevector")
    (circuit, theta), (other, _) = some(), some("linear")
    for at, angles in ((circuit, theta), (circuit, theta + 0.1), (other, theta), (circuit, theta[:1])):
        bits, log_q = engine.draw(at, angles, 9, np.random.default_rng(2))
        again = fresh().draw(at, angles, 9, np.random.default_rng(2))
        np.testing.assert_array_equal(bits, again[0])
        np.testing.assert_array_equal(log_q, again[1])
        q = engine.probs(at, angles)
        np.testing.assert_array_equal(q, fresh().probs(at, angles))
        q[:] = 0.0
        np.testing.assert_array_equal(engine.draw(at, angles, 9, np.random.default_rng(2))[0], bits)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), replicas=st.integers(1, 3), shots=st.integers(1, 7))
def test_shapes_one_row_and_the_mean_score(seed, n, replicas, shots):
    circuit = qhn.ansatz("linear", n_qubits=n, layers=2)
    rng = np.random.default_rng(seed)
    theta = rng.uniform(0.0, 6.0, (replicas, circuit.n_params))
    engine = qhn.engine("statevector")
    bits, log_q = engine.draw(circuit, theta[0], shots, rng)
    assert (bits.shape, log_q.shape) == ((shots, n), (shots,))
    one = engine.score(circuit, theta[0], bits, np.ones(shots))
    assert one.shape == (circuit.n_params,)
    alike = engine.score(circuit, np.tile(theta[:1], (replicas, 1)), bits, np.ones(shots))
    np.testing.assert_array_equal(alike, np.tile(one, (replicas, 1)))
    assert engine.log_prob(circuit, theta, bits).shape == (replicas, shots)
    # E_q ∂ log q = 0: all strings with their probabilities as weights
    everything = every_string(n)
    q = engine.probs(circuit, theta)
    seen = np.where(q > 0.0, q, 0.0)
    assert np.abs(engine.score(circuit, theta, np.tile(everything, (replicas, 1, 1)), seen)).max() < 1e-10


def test_a_string_of_probability_zero_has_log_q_minus_infinity_and_no_score():
    circuit = qhn.Circuit(2, (qhn.Gate("RY", (0,), 0), qhn.Gate("CNOT", (0, 1))))
    engine, bits = qhn.engine("statevector"), np.array([[0, 0], [0, 1]], np.uint8)
    np.testing.assert_array_equal(np.isinf(engine.log_prob(circuit, [1.0], bits)), [False, True])
    assert engine.score(circuit, [1.0], bits, [1.0, 0.0]) == pytest.approx(-np.tan(0.5))
    with pytest.raises(InvalidArgument, match="never draws"):
        engine.score(circuit, [1.0], bits, [1.0, 1.0])


@pytest.mark.parametrize(
    ("bits", "weights", "names"),
    [
        (np.zeros((2, 3)), [1.0, 1.0], "bits"),
        (np.full((2, 4), 2), [1.0, 1.0], "bits"),
        (np.zeros((3, 2, 4)), [1.0, 1.0], "bits"),
        (np.zeros((2, 4)), [1.0, 1.0, 1.0], "weights"),
        (np.zeros((2, 4)), [1.0, np.nan], "weights"),
    ],
)
def test_strings_and_weights_that_do_not_fit_are_refused(bits, weights, names):
    circuit, theta = some()
    with pytest.raises(InvalidArgument, match=f"^{names}: expected"):
        qhn.engine("statevector").score(circuit, theta, bits, weights)


def test_what_an_engine_provides_is_what_it_implements():
    class Coin(Engine):
        title = "A coin"

        def sample(self, circuit, theta, shots, rng):
            return rng.integers(0, 2, (shots, circuit.n_qubits), dtype=np.uint8)

    coin = Coin()
    assert coin.provides == capabilities(Coin) == {"samples"}
    assert isinstance(coin, Draws)
    assert not isinstance(coin, (Tabulates, Scores))
    with pytest.raises(Unsupported, match=r"A coin gives samples only.*'probs', which needs exact probabilities"):
        coin.probs(None, None)
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        coin.colour  # noqa: B018


@pytest.mark.parametrize("name", ENGINES.names())
def test_a_configuration_says_what_its_engine_provides_without_building_it(name):
    config = ENGINES.parse(name)
    assert config.provides == config.build().provides
    assert config.provides <= set(CAPABILITIES)
    assert isinstance(config.build(), config.implementation)


@pytest.mark.parametrize("name", ENGINES.names())
def test_check_gives_bytes_or_refuses_with_a_remedy(name):
    config = ENGINES.parse(name)
    small = qhn.ansatz("brickwork", n_qubits=3, layers=1)
    assert 0 < config.check(small) <= config.check(small, replicas=8, shots=16)
    wide = qhn.ansatz("all_to_all", n_qubits=200, layers=2)
    assert takes(config, small)
    assert not takes(config, wide)
    with pytest.raises(TooLarge, match=r"200.*Use "):
        config.check(wide)


def test_a_circuit_of_too_many_gates_is_refused_before_they_are_made():
    with pytest.raises(TooLarge, match=r"2000 qubits.*more than 100000 gates.*neighbouring"):
        qhn.ansatz("all_to_all", n_qubits=2000, layers=64)
