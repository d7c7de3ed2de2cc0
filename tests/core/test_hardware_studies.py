"""Noise sweeps, shot noise, deployment on a device, and training on devices through a configuration."""

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core import ansatz, engine, initial_angles, objective, problem_from_costs
from qhn_core.analysis.deployment import deploy
from qhn_core.analysis.noise import noise_sweep, noisy_probs
from qhn_core.analysis.shots import shot_noise
from qhn_core.datasets import Dataset
from qhn_core.engines import ENGINES
from qhn_core.errors import Cancelled, DeviceError, InvalidArgument, TooLarge, Unsupported

CIRCUIT = ansatz("ring", n_qubits=3, layers=2)
THETA = initial_angles(CIRCUIT, replicas=2, seed=5)
COSTS = problem_from_costs(np.random.default_rng(1).uniform(0, 5, 8))
EXACT = engine("statevector")


@pytest.mark.parametrize("rates", [(0.0, 0.0, 0.0), (0.03, 0.0, 0.0), (0.0, 0.1, 0.0), (0.02, 0.1, 0.04)])
def test_noisy_probabilities_are_those_of_default_mixed(rates):
    names = dict(zip(("noise_1q", "noise_2q", "readout_error"), rates, strict=True))
    ours = noisy_probs(CIRCUIT, THETA, **names)
    theirs = engine("pennylane", device="default.mixed", **names).probs(CIRCUIT, THETA)
    np.testing.assert_allclose(ours, theirs, atol=1e-10)
    np.testing.assert_allclose(noisy_probs(CIRCUIT, THETA[1], **names), theirs[1], atol=1e-10)


def test_noisy_probabilities_of_a_fixed_circuit():
    fixed = qhn.Circuit(2, (qhn.Gate("RX", 1, None, offset=np.pi),), n_params=1)
    found = noisy_probs(fixed, np.zeros((3, 1)), noise_1q=0.2)
    np.testing.assert_allclose(found, np.tile([0.1, 0.9, 0, 0], (3, 1)), atol=1e-12)


@pytest.mark.parametrize("name", ["mle", "elbo", "selbo"])
def test_sweep_from_ideal_to_fully_mixed(name):
    loss = objective(name)
    fractions = []
    sweep = noise_sweep(
        CIRCUIT, THETA, COSTS, loss, strengths=[0, 0.05, 0.3, 1.0], one_qubit_share=1.0, progress=fractions.append
    )
    ideal = EXACT.probs(CIRCUIT, THETA)
    np.testing.assert_allclose(sweep.probs[0], ideal, atol=1e-10)
    np.testing.assert_allclose(sweep.probs[-1], 1 / 8, atol=1e-10)
    np.testing.assert_allclose(sweep.loss[0], loss.exact(ideal, COSTS).value, atol=1e-8)
    np.testing.assert_allclose(sweep.nll[-1], COSTS.nll.mean(), atol=1e-10)
    np.testing.assert_allclose(sum(sweep.terms.values()), sweep.loss, atol=1e-10)
    np.testing.assert_allclose(sweep.entropy_bits[-1], 3.0, atol=1e-8)
    assert (np.diff(sweep.total_variation, axis=0) > 0).all()
    assert np.abs(sweep.total_variation[0]).max() < 1e-12
    assert fractions == [0.25, 0.5, 0.75, 1.0]


def test_sweep_refusals():
    loss = objective("mle")
    with pytest.raises(InvalidArgument, match="strengths"):
        noise_sweep(CIRCUIT, THETA, COSTS, loss, strengths=[1.5])
    with pytest.raises(InvalidArgument, match="one_qubit_share"):
        noise_sweep(CIRCUIT, THETA, COSTS, loss, strengths=[0.1], one_qubit_share=2.0)
    with pytest.raises(InvalidArgument, match="readout_error"):
        noise_sweep(CIRCUIT, THETA, COSTS, loss, strengths=[0.1], readout_error=0.7)
    with pytest.raises(Cancelled):
        noise_sweep(CIRCUIT, THETA, COSTS, loss, strengths=[0.1], cancelled=lambda: True)
    with pytest.raises(TooLarge, match="12 qubits"):
        noisy_probs(ansatz("product", n_qubits=13), np.zeros(13))


@pytest.mark.parametrize("name", ["mle", "selbo"])
def test_shot_noise_shrinks_around_the_exact_values(name):
    found = shot_noise(
        CIRCUIT,
        THETA[0],
        COSTS,
        objective(name),
        engine=EXACT,
        exact_engine=EXACT,
        shots=(100, 1600, 25600),
        repeats=60,
    )
    q = EXACT.probs(CIRCUIT, THETA[:1])
    assert found.exact_loss == pytest.approx(objective(name).exact(q, COSTS).value[0])
    for seen, exact in ((found.loss, found.exact_loss), (found.mmd2, found.exact_mmd2)):
        spread = seen.std(axis=1, ddof=1)
        # each is unbiased: within 5 standard errors (6e-7); 16 times the shots, a quarter of the spread
        # (the ratio of two standard deviations of 60 draws is within 40 % at the 1e-3 level; seeds are fixed)
        assert (np.abs(seen.mean(axis=1) - exact) < 5 * spread / np.sqrt(60)).all()
        assert ((spread[:-1] / spread[1:] > 2.4) & (spread[:-1] / spread[1:] < 6.7)).all()
    errors = found.gradient_error.mean(axis=1)
    assert (errors[:-1] / errors[1:] > 2).all()
    assert found.exact_gradient_norm > 0


def test_no_number_of_shots_gives_the_elbo():
    found = shot_noise(
        CIRCUIT, THETA[0], COSTS, objective("elbo"), engine=EXACT, exact_engine=EXACT, shots=(50,), repeats=3
    )
    assert np.isnan(found.loss).all()
    assert np.isnan(found.gradient_error).all()
    assert np.isfinite(found.mmd2).all()
    assert np.isfinite(found.exact_loss)


def test_deploying_a_cost_table_on_ideal_and_noisy_devices():
    ideal = engine("pennylane", device="qiskit.aer")
    noisy = engine("pennylane", device="qiskit.aer", noise_1q=0.05, noise_2q=0.2)
    found = deploy(CIRCUIT, THETA[0], COSTS, engine=ideal, exact_engine=EXACT, shots=4000, seed=1)
    mean, high = found.shot_variation
    assert found.bits.shape == (4000, 3)
    assert found.seen.sum() == pytest.approx(1.0)
    assert found.total_variation < 2 * high
    assert 0 < mean < high
    assert np.isnan(found.accuracy)
    worse = deploy(CIRCUIT, THETA[0], COSTS, engine=noisy, exact_engine=EXACT, shots=4000, seed=1)
    assert worse.total_variation > 2 * high
    assert worse.network_count.sum() == 4000
    assert (np.diff(worse.network_count) <= 0).all()


def test_deploying_networks_gives_their_accuracy():
    net = qhn.network("mlp", layers=(2, 1), activation="sign")
    work = qhn.problem(net, qhn.dataset("xor", n_train=20, n_test=100, seed=0))
    circuit = ansatz("linear", n_qubits=net.n_bits, layers=2)
    theta = initial_angles(circuit, seed=2)[0]
    found = deploy(circuit, theta, work, engine=EXACT, exact_engine=EXACT, shots=500)
    test = work.dataset
    for string, accuracy in zip(found.network_bits, found.network_accuracy, strict=True):
        proba = net.predict_proba(string[None], test.x_test)[0]
        tied = proba >= proba.max(axis=1, keepdims=True) - 1e-6
        want = (tied[np.arange(100), test.y_test] / tied.sum(axis=1)).mean()
        assert accuracy == pytest.approx(want)
    assert abs(found.accuracy - found.ideal_accuracy) < 0.2


def test_distances_from_drawn_strings_are_those_from_the_table(monkeypatch):
    circuit = ansatz("chain", n_qubits=7, layers=2)
    theta = initial_angles(circuit, seed=2)[0]
    costs = problem_from_costs(np.random.default_rng(1).uniform(0, 5, 128))
    options = {"engine": engine("pennylane", device="qiskit.aer"), "exact_engine": EXACT, "shots": 300, "seed": 3}
    whole = deploy(circuit, theta, costs, **options)
    monkeypatch.setattr("qhn_core.analysis.deployment.MAX_TABULATED", 6)
    drawn = deploy(circuit, theta, costs, **options)
    np.testing.assert_array_equal(drawn.bits, whole.bits)
    assert drawn.total_variation == pytest.approx(whole.total_variation, abs=1e-12)
    assert drawn.shot_variation[0] == pytest.approx(whole.shot_variation[0], abs=0.01)  # 200 devices of 300 shots each
    q = EXACT.probs(circuit, theta)
    places = drawn.listed @ (1 << np.arange(6, -1, -1))
    np.testing.assert_allclose(drawn.ideal, q[places], rtol=1e-9)
    np.testing.assert_allclose(drawn.seen, whole.seen[places])


def test_seventy_wires_on_aer_are_those_of_the_ideal_circuit():
    """Each of 71 comparisons within 5 standard errors: wrong by chance in 1 of 20,000 cases, and seeds are fixed."""
    circuit = ansatz("chain", n_qubits=70, layers=2)
    theta = initial_angles(circuit, seed=4)[0]
    net = qhn.network("mlp", layers=(35, 2), activation="sign", bias=False)
    x = np.random.default_rng(0).normal(size=(20, 35))
    work = qhn.problem(net, Dataset("x", x, np.arange(20) % 2, x, np.arange(20) % 2, "made up"), tabulate=False)
    aer = engine("pennylane", device="qiskit.aer", options={"method": "matrix_product_state"})
    shots = 400
    found = deploy(circuit, theta, work, engine=aer, exact_engine=engine("auto"), shots=shots)
    assert found.bits.shape == (shots, 70)
    assert np.isnan(found.total_variation)
    drawn, ideal = found.wide.marginals
    assert (np.abs(drawn - ideal) < 5 * np.sqrt(np.maximum(ideal * (1 - ideal), 1e-4) / shots)).all()
    pair = found.wide.log_q, found.wide.ideal_log_q
    error = np.sqrt(sum(values.var(ddof=1) / shots for values in pair))
    assert abs(pair[0].mean() - pair[1].mean()) < 5 * error
    assert found.scores.accuracy.mean == pytest.approx(found.ideal_scores.accuracy.mean, abs=0.1)
    with pytest.raises(TooLarge, match="matrix_product_state"):
        ENGINES.make("pennylane", device="qiskit.aer").check(circuit)
    with pytest.raises(TooLarge, match="chi"):
        ENGINES.make("pennylane", device="qiskit.aer", options={"method": "matrix_product_state"}).check(
            ansatz("all_to_all", n_qubits=70, layers=1)
        )


def config(steps=6, **parts):
    base = {
        "dataset": {"name": "moons", "n_train": 10, "n_test": 20},
        "network": {"name": "mlp", "layers": [2, 1]},
        "ansatz": {"name": "linear", "layers": 1},
        "objective": {"name": "selbo"},
        "optimiser": {"name": "adam", "lr": 0.2},
        "steps": steps,
        "replicas": 2,
    }
    return qhn.RunConfig.model_validate(base | parts)


SHOTS = {"name": "parameter_shift", "shots": 64}
NOISY = {"noise_1q": 0.01, "noise_2q": 0.05, "readout_error": 0.02}


@pytest.mark.parametrize(
    ("device", "estimator"),
    [
        ({"device": "default.qubit"}, {"name": "adjoint"}),
        ({"device": "lightning.qubit"}, {"name": "adjoint"}),
        ({"device": "default.mixed", **NOISY}, {"name": "adjoint"}),
        ({"device": "default.mixed", **NOISY}, SHOTS),
        ({"device": "qiskit.aer"}, SHOTS),
        ({"device": "qiskit.aer", **NOISY}, SHOTS),
        ({"device": "qiskit.remote", "backend": "fake_manila"}, {"name": "spsa", "shots": 64}),
    ],
)
def test_training_on_devices_is_reproducible(device, estimator):
    first, second = (
        qhn.train(config(steps=2, engine={"name": "pennylane", **device}, estimator=estimator)) for _ in range(2)
    )
    assert np.isfinite(first.history["loss"]).all()
    for name, values in first.history.items():
        np.testing.assert_array_equal(values, second.history[name])


def test_training_under_exact_noise_lowers_the_noisy_loss():
    found = qhn.train(config(steps=12, engine={"name": "pennylane", "device": "default.mixed", **NOISY}))
    assert (found.history["loss"][-1] < found.history["loss"][0]).all()


def test_the_elbo_is_refused_on_a_device_before_it_starts():
    for estimator in (SHOTS, {"name": "adjoint"}):
        with pytest.raises(Unsupported):
            qhn.train(
                config(
                    objective={"name": "elbo"},
                    engine={"name": "pennylane", "device": "qiskit.aer"},
                    estimator=estimator,
                )
            )


def test_a_failing_device_stops_training_with_the_reason(monkeypatch):
    from qhn_core.engines.devices.qiskit import QiskitSampler

    def broken(self, *arguments):
        raise RuntimeError("the cryostat is warm")

    monkeypatch.setattr(QiskitSampler, "submit_aer", broken)
    with pytest.raises(DeviceError, match="the cryostat is warm"):
        qhn.train(config(engine={"name": "pennylane", "device": "qiskit.aer", "pause": 0.0}, estimator=SHOTS))
