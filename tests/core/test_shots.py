"""The shots dial, the scores of drawn networks and the noise study, against theory and against repetition.

Seeds are fixed, so that a test gives the same answer every time; stated is the rate at which it would fail for a new
seed.
"""

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core import ansatz, engine, initial_angles, objective, problem_from_costs
from qhn_core.analysis import dial
from qhn_core.analysis.deployment import deploy
from qhn_core.analysis.drawn_scores import drawn_scores
from qhn_core.analysis.noise import noise_sweep
from qhn_core.analysis.noise_shots import sampled_sweep, shot_distance
from qhn_core.analysis.noise_training import NoisyEngine, train_under_noise
from qhn_core.bitstrings import from_index, index_of
from qhn_core.errors import Cancelled, InvalidArgument, Unsupported
from qhn_core.estimators.base import Work
from qhn_core.estimators.parameter_shift import ParameterShift
from qhn_core.kernels import kernel_of

EXACT = engine("statevector")
CIRCUIT = ansatz("linear", n_qubits=4, layers=2)
THETA = initial_angles(CIRCUIT, seed=3)[0]
COSTS = problem_from_costs(np.random.default_rng(7).uniform(0, 4, 16))
Q = EXACT.probs(CIRCUIT, THETA)


@pytest.mark.parametrize("shots", [9, 64, 1000])  # below, above and far above the number of strings
@pytest.mark.parametrize("name", ["mle", "selbo", "ksd"])
def test_estimates_are_unbiased_and_scatter_as_theory_says(name, shots):
    """Mean within 5 standard errors (6e-7); for MLE the variance is Var_q[ℓ]/S, within 5 of its own errors."""
    loss, repeats = objective(name), 4000
    found = dial.estimates(Q, COSTS, loss, shots=shots, repeats=repeats, seed=5)
    exact = dial.exact_values(Q, COSTS, loss)
    assert found.counts.sum() == shots
    for seen, want in ((found.loss, exact.loss), (found.mmd2, exact.mmd2)):
        assert abs(seen.mean() - want) < 5 * seen.std() / np.sqrt(repeats)
    if name == "mle":
        want = (Q @ COSTS.nll**2 - (Q @ COSTS.nll) ** 2) / shots
        kurtosis = ((found.loss - found.loss.mean()) ** 4).mean() / found.loss.var() ** 2
        assert abs(found.loss.var() / want - 1) < 5 * np.sqrt((kurtosis - 1) / repeats)


def test_estimates_from_counts_are_those_from_the_strings():

    loss = objective("selbo", lam=0.8, gamma=(0.4, 1.1))
    found = dial.estimates(Q, COSTS, loss, shots=12, repeats=1, seed=2)
    index = np.repeat(np.arange(16), found.counts.astype(int))
    bits = from_index(index[None], 4)
    assert found.loss[0] == pytest.approx(loss.sampled(bits, COSTS).value[0], rel=1e-10)
    assert found.mmd2[0] == pytest.approx(loss.kernel_on(4).mmd2_unbiased(bits, COSTS.prior.rates(4))[0], rel=1e-8)


@pytest.mark.parametrize("name", ["mle", "selbo", "ksd"])
def test_values_of_draws_are_the_objectives_own_estimates(name):

    loss, counts = objective(name), np.random.default_rng(6).multinomial(40, Q / Q.sum())
    bits = from_index(np.repeat(np.arange(16), counts)[None], 4)
    found = dial.drawn_values(counts / 40, 40, COSTS, loss)
    assert found.loss == pytest.approx(loss.sampled(bits, COSTS).value[0] / COSTS.n_train, rel=1e-9)
    assert found.mmd2 == pytest.approx(
        kernel_of(getattr(loss, "gamma", 0.7), 4).mmd2_unbiased(bits, COSTS.prior.rates(4))[0], rel=1e-8
    )
    assert loss.polynomial
    assert not objective("elbo").polynomial


@pytest.mark.parametrize("name", ["mle", "selbo", "ksd"])
def test_drawing_from_draws_scatters_about_the_unbiased_value(name):
    """Mean within 5 standard errors (6e-7) of what the draws say without bias; the plug-in of MMD² misses it."""
    loss, pool, repeats = objective(name), 60, 6000
    seen = np.random.default_rng(1).multinomial(pool, Q / Q.sum()) / pool
    found = dial.estimates(seen, COSTS, loss, shots=200, repeats=repeats, pool=pool)
    want, plug_in = dial.drawn_values(seen, pool, COSTS, loss), dial.exact_values(seen, COSTS, loss)
    for values, value in zip((found.loss, found.mmd2), want, strict=True):
        assert abs(values.mean() - value) < 5 * values.std() / np.sqrt(repeats)
    assert abs(plug_in.mmd2 - want.mmd2) > 5 * found.mmd2.std() / np.sqrt(repeats)


def test_the_floor_of_a_distance_is_that_of_draws_from_the_circuit_itself():
    """Mean of 4,000 simulated distances, within 5 standard errors (6e-7)."""
    q, rng = Q / Q.sum(), np.random.default_rng(8)
    for shots in (3, 50, 1024):
        distances = 0.5 * np.abs(rng.multinomial(shots, q, size=4000) / shots - q).sum(axis=1)
        assert abs(shot_distance(q, shots) - distances.mean()) < 5 * distances.std() / np.sqrt(4000)
    assert shot_distance(np.eye(1, 16)[0], 100) == 0.0


def test_the_gradient_under_noise_is_that_of_the_noisy_loss():
    """Against central differences; kept distributions are not calculated again, and give draws."""
    loss, noise = objective("selbo"), {"noise_1q": 0.01, "noise_2q": 0.1, "readout_error": 0.02}
    circuit = ansatz("linear", n_qubits=2, layers=1)
    costs, theta = problem_from_costs([3.0, 1.0, 0.0, 2.0]), initial_angles(circuit, seed=1)[0]
    device, told = NoisyEngine(*noise.values(), keep=100), []
    found = dial.gradient_noise(circuit, theta, costs, loss, engine=device, at_once=2, progress=told.append)
    assert len(told) == len(theta)
    plain = NoisyEngine(*noise.values())
    steps = 1e-4 * np.eye(len(theta))
    rows = plain.probs(circuit, np.concatenate([theta + steps, theta - steps]))
    ahead, behind = loss.exact(rows, costs).value.reshape(2, -1)
    np.testing.assert_allclose(found.exact, (ahead - behind) / 2e-4, atol=1e-6)
    assert np.abs(found.exact - dial.gradient_noise(circuit, theta, costs, loss, engine=EXACT).exact).max() > 1e-3
    assert device.probs(circuit, theta) is not None
    drawn = device.sample(circuit, theta[None], 20_000, np.random.default_rng(0))
    seen = np.bincount(index_of(drawn[0]), minlength=4) / 20_000
    np.testing.assert_allclose(seen, plain.probs(circuit, theta), atol=0.02)


def test_the_plug_in_of_the_elbo_is_too_high_by_the_entropy_it_misses():
    """E[Σ q̂ log q̂] exceeds Σ q log q by about (K − 1)/2S (Miller, 1955): here 15/2S, to first order."""
    loss, shots, flat = objective("elbo", beta=1.0), 2000, problem_from_costs(np.zeros(16))
    wide = np.full(16, 1 / 16)
    found = dial.estimates(wide, flat, loss, shots=shots, repeats=3000)
    bias = found.loss.mean() - dial.exact_values(wide, flat, loss).loss
    assert bias == pytest.approx(15 / (2 * shots), rel=0.1)


def test_what_the_dial_refuses():
    with pytest.raises(InvalidArgument, match="shots"):
        dial.estimates(Q, COSTS, objective("mle"), shots=1)
    with pytest.raises(InvalidArgument, match="q"):
        dial.estimates(Q[:8], COSTS, objective("mle"), shots=10)
    with pytest.raises(Unsupported, match="explicit distribution"):
        dial.gradient_noise(CIRCUIT, THETA, COSTS, objective("elbo"), engine=EXACT)
    with pytest.raises(Cancelled):
        dial.gradient_noise(CIRCUIT, THETA, COSTS, objective("mle"), engine=EXACT, cancelled=lambda: True)


@pytest.mark.parametrize("name", ["mle", "selbo", "ksd"])
@pytest.mark.parametrize("circuit", [CIRCUIT, ansatz("iqp", n_qubits=4, layers=1)], ids=["linear", "iqp"])
def test_gradient_noise_is_that_of_repeated_estimates(circuit, name):
    """Ratio of standard deviations over 400 repetitions: each within 20 % (1e-8 each), their mean within 5 %."""
    loss, shots, repeats = objective(name, **({"lam": 3.0} if name == "selbo" else {})), 1000, 400
    theta = initial_angles(circuit, seed=1)
    found = dial.gradient_noise(circuit, theta[0], COSTS, loss, engine=EXACT)
    exact = EXACT.evaluate(circuit, theta, lambda q: (loss.exact(q, COSTS).diagonal, None)).gradient[0]
    np.testing.assert_allclose(found.exact, exact, atol=1e-10)
    assert found.circuits == ParameterShift(shots=shots).circuits(circuit, 1)[0]
    work = Work(EXACT, circuit, loss, COSTS)
    seen = ParameterShift(shots=shots).estimate(work, np.repeat(theta, repeats, axis=0), 0, np.random.default_rng(4))
    noisy = found.unit > 1e-9
    ratio = seen.gradient.std(axis=0, ddof=1)[noisy] / (found.unit[noisy] / np.sqrt(shots))
    assert (np.abs(ratio - 1) < 0.2).all()
    assert abs(ratio.mean() - 1) < 0.05
    assert seen.gradient.std(axis=0)[~noisy].max(initial=0.0) < 0.02


def test_distance_of_an_ideal_sampler_is_its_own_floor():
    """E|p̂ − p| ≈ √(2p(1−p)/(πS)) where Sp is large; over 30 deployments the mean lies within 5 standard errors."""
    shots = 3000
    found = [
        deploy(CIRCUIT, THETA, COSTS, engine=EXACT, exact_engine=EXACT, shots=shots, seed=s, parts=3) for s in range(30)
    ]
    distances = np.array([d.total_variation for d in found])
    floor = found[0].shot_variation[0]
    assert abs(distances.mean() - floor) < 5 * distances.std(ddof=1) / np.sqrt(30) + 1e-3
    assert floor == pytest.approx(0.5 * np.sqrt(2 * Q * (1 - Q) / (np.pi * shots)).sum(), rel=0.1)
    assert (distances > found[0].shot_variation[1]).mean() < 0.25  # 5 % expected; more than 25 % of 30: 1e-4
    assert all(len(d.bits) == shots for d in found)


def test_deploying_can_be_stopped_and_tells_how_far_it_is():
    told = []
    with pytest.raises(Cancelled):
        deploy(
            CIRCUIT,
            THETA,
            COSTS,
            engine=EXACT,
            exact_engine=EXACT,
            shots=10,
            parts=4,
            progress=told.append,
            cancelled=lambda: len(told) == 2,
        )
    assert told == [0.25, 0.5]


@pytest.fixture(scope="module")
def task():
    net = qhn.network("mlp", layers=(2, 1), activation="sign")
    return qhn.problem(net, qhn.dataset("xor", n_train=20, n_test=60, seed=0))


def test_scores_of_drawn_networks(task):
    bits = np.random.default_rng(0).integers(0, 2, (400, task.n_bits), dtype=np.uint8)
    found = drawn_scores(task, bits)
    x, y = task.dataset.x_test, task.dataset.y_test
    proba = task.network.predict_proba(bits, x)
    nll = -np.log(proba[:, np.arange(len(y)), y]).mean(axis=1)
    assert found.nll.mean == pytest.approx(nll.mean())
    assert found.nll.error == pytest.approx(nll.std(ddof=1) / 20)
    votes = proba.mean(axis=0)
    assert found.vote_nll.mean == pytest.approx(-np.log(votes[np.arange(len(y)), y]).mean())
    assert found.vote_nll.mean < found.nll.mean  # Jensen
    half = drawn_scores(task, bits[:100])
    assert 1.4 < half.vote_nll.error / found.vote_nll.error < 2.9  # a quarter of the draws, twice the error


def test_scores_of_a_cost_table_do_not_exist():
    assert drawn_scores(COSTS, np.zeros((5, 4), dtype=np.uint8)) is None


def test_the_bootstrap_error_is_the_scatter_of_fresh_draws(task):
    """300 fresh draws: the standard deviation is known to 4 %, the bootstrap's to about 5 %."""
    rng = np.random.default_rng(3)
    fresh = [drawn_scores(task, rng.integers(0, 2, (200, 3), dtype=np.uint8), seed=s) for s in range(300)]
    scatter = np.std([f.vote_nll.mean for f in fresh], ddof=1)
    assert np.mean([f.vote_nll.error for f in fresh]) == pytest.approx(scatter, rel=0.3)


def test_sampled_noise_study_agrees_with_density_matrices():
    """Loss within 5 standard errors from 8 batches (t with 7 degrees: 0.2 % each, seeds fixed)."""
    loss, strengths = objective("selbo"), [0.0, 0.1, 0.4]
    told = []
    seen = sampled_sweep(
        CIRCUIT,
        THETA,
        COSTS,
        loss,
        ideal=Q,
        strengths=strengths,
        readout_error=0.02,
        shots=8000,
        progress=told.append,
    )
    exact = noise_sweep(CIRCUIT, THETA, COSTS, loss, strengths=strengths, readout_error=0.02)
    assert (np.abs(seen.loss - exact.loss[:, 0]) < 5 * seen.loss_error).all()
    np.testing.assert_allclose(seen.total_variation, exact.total_variation[:, 0], atol=0.04)
    assert told[-1] == 1.0
    assert len(told) == 3 * 8000 / 64, "a few shots at a time: whatever else runs waits for each job"
    assert seen.floor == pytest.approx(shot_distance(Q, 8000))
    with pytest.raises(Cancelled):
        sampled_sweep(CIRCUIT, THETA, COSTS, loss, ideal=Q, strengths=[0.1], cancelled=lambda: True)


def test_training_under_noise_beats_the_circuit_that_never_saw_it():
    circuit = ansatz("linear", n_qubits=2, layers=1)
    costs = problem_from_costs([3.0, 1.0, 0.0, 2.0])
    theta, loss = initial_angles(circuit, seed=1)[0], objective("mle")
    found = train_under_noise(circuit, theta, costs, loss, noise_1q=0.01, noise_2q=0.1, steps=6)
    at_start = noise_sweep(circuit, theta, costs, loss, strengths=[0.1], one_qubit_share=0.1).loss[0, 0]
    at_end = noise_sweep(circuit, found.theta, costs, loss, strengths=[0.1], one_qubit_share=0.1).loss[0, 0]
    assert found.loss[0] == pytest.approx(at_start, abs=1e-9)
    assert found.best == pytest.approx(at_end, abs=1e-9)
    assert found.best < at_start
