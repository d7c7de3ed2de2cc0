"""Qiskit devices, noise, failures, and what a configuration may say about devices."""

import logging
import threading
import time
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core import Circuit, Gate, ansatz, engine, initial_angles
from qhn_core.config import RunConfig
from qhn_core.engines import ENGINES
from qhn_core.engines.devices.catalogue import DEVICES, fake_backends
from qhn_core.engines.devices.noise import Noise, flip_readout, qiskit_noise_model, two_qubit_kraus
from qhn_core.engines.devices.qiskit import AER_OPTIONS, QiskitSampler, SentOnce, to_qiskit
from qhn_core.engines.devices.retry import GivenUp, call_device, stopping, within
from qhn_core.errors import DeviceError, InvalidArgument, QHNError, TooLarge, Unsupported
from qhn_core.planning import plan

ORDER = Circuit(3, (Gate("RX", 0, 0), Gate("CNOT", (0, 2)), Gate("H", 1), Gate("RZ", 1, 1), Gate("H", 1)))
SETTINGS = {"noise_1q": 0.02, "noise_2q": 0.07, "readout_error": 0.03}


def histogram(bits):
    """Relative frequencies (B, 2**N) of bits (B, S, N)."""
    n = bits.shape[-1]
    index = bits.astype(int) @ (1 << np.arange(n)[::-1])
    return np.stack([np.bincount(row, minlength=2**n) / row.size for row in index])


def total_variation(p, q):
    return 0.5 * np.abs(p - q).sum(axis=-1)


def aer_density(circuit, theta, noise):
    """Exact q (2**N,) by Aer's density-matrix method, readout errors applied to it afterwards."""
    from qiskit_aer import AerSimulator

    target, slots = to_qiskit(circuit, measure=False)
    target.save_probabilities()
    angles = [g.angle(np.asarray(theta)) for g in circuit.gates if g.param is not None]
    simulator = AerSimulator(method="density_matrix", noise_model=qiskit_noise_model(noise))
    found = simulator.run(target.assign_parameters(dict(zip(slots, angles, strict=True)))).result()
    little = np.asarray(found.data()["probabilities"]).reshape((2,) * circuit.n_qubits)
    return flip_readout(little.transpose().ravel(), noise.readout)


@pytest.mark.parametrize("name", ["linear", "ring", "strongly_entangling", "iqp"])
def test_aer_and_default_mixed_are_the_same_channel(name):
    circuit = ansatz(name, n_qubits=3, layers=2)
    theta = initial_angles(circuit, seed=1)[0]
    exact = engine("pennylane", device="default.mixed", **SETTINGS).probs(circuit, theta)
    ideal = engine("pennylane").probs(circuit, theta)
    np.testing.assert_allclose(aer_density(circuit, theta, Noise(*SETTINGS.values())), exact, atol=1e-10)
    assert total_variation(exact, ideal) > 0.05


def test_aer_shots_agree_with_default_mixed():
    circuit = ansatz("linear", n_qubits=3, layers=2)
    theta = initial_angles(circuit, replicas=3, seed=2)
    exact = engine("pennylane", device="default.mixed", **SETTINGS).probs(circuit, theta)
    shots = 100_000
    seen = histogram(
        engine("pennylane", device="qiskit.aer", **SETTINGS).sample(circuit, theta, shots, np.random.default_rng(0))
    )
    # E TV = Σ √(q(1−q)/(2πS)) ≤ 0.0034 here; McDiarmid: P(TV > E + t) ≤ exp(−2 S t²), t = 0.0084 gives 1e-6
    bound = np.sqrt(exact * (1 - exact) / (2 * np.pi * shots)).sum(axis=1) + 0.0084
    assert (total_variation(seen, exact) < bound).all()


def test_a_circuit_in_a_qnode_on_pennylanes_own_aer_device_draws_the_same():
    """Total variation of 20,000 shots on 8 strings exceeds its mean (≤ .008) by .02 with probability below 1e-6."""
    import pennylane as qml

    circuit = ansatz("linear", n_qubits=3, layers=2)
    theta = initial_angles(circuit, seed=2)[0]

    @qml.set_shots(20_000)
    @qml.qnode(qml.device("qiskit.aer", wires=3, seed_simulator=1))
    def theirs():
        circuit.apply(theta)
        return qml.probs(wires=range(3))

    ours = engine("pennylane", device="qiskit.aer").sample(circuit, theta, 20_000, np.random.default_rng(0))
    exact = engine("pennylane").probs(circuit, theta)
    assert total_variation(np.asarray(theirs()), exact) < 0.028
    assert total_variation(histogram(ours[None])[0], exact) < 0.028


@pytest.mark.parametrize(
    ("circuit", "field", "rate"),
    [
        (Circuit(1, (Gate("RX", 0, None),)), "noise_1q", lambda x: x / 2),
        (Circuit(1, (Gate("RZ", 0, None), Gate("RZ", 0, None))), "noise_1q", lambda x: (1 - (1 - x) ** 2) / 2),
        (Circuit(2, (Gate("IsingZZ", (0, 1), None),)), "noise_2q", lambda x: 0.75 * x),
        (Circuit(2, (Gate("CNOT", (0, 1)),)), "noise_2q", lambda x: 0.75 * x),
        (Circuit(1, (Gate("RX", 0, None),)), "readout_error", lambda x: x),
    ],
)
@pytest.mark.parametrize("device", ["default.mixed", "qiskit.aer"])
def test_error_rates_in_closed_form(device, circuit, field, rate):
    """Mass outside 0…0 after gates of angle 0, for Qiskit's λ."""
    strength, shots = 0.2, 40_000
    noisy = engine("pennylane", device=device, **{field: strength})
    want = rate(strength)
    bits = noisy.sample(circuit, np.zeros(0), shots, np.random.default_rng(8))
    seen = bits.any(axis=1).mean()
    assert abs(seen - want) < 5 * np.sqrt(want * (1 - want) / shots)  # 5 standard errors: 6e-7
    if device == "default.mixed":
        assert 1 - noisy.probs(circuit, np.zeros(0))[0] == pytest.approx(want, abs=1e-12)


def test_two_qubit_kraus_operators_are_complete_and_mix_fully():
    kraus = two_qubit_kraus(1.0)
    np.testing.assert_allclose(sum(k.conj().T @ k for k in kraus), np.eye(4), atol=1e-14)
    state = np.diag([1.0, 0, 0, 0])
    np.testing.assert_allclose(sum(k @ state @ k.conj().T for k in kraus), np.eye(4) / 4, atol=1e-14)


@given(st.integers(1, 4), st.floats(0, 0.5), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_readout_flips_conserve_probability_and_equal_the_dense_matrix(n, strength, seed):
    q = np.random.default_rng(seed).dirichlet(np.ones(2**n), size=2)
    matrix = np.ones((1, 1))
    for _ in range(n):
        matrix = np.kron(matrix, [[1 - strength, strength], [strength, 1 - strength]])
    np.testing.assert_allclose(flip_readout(q, strength), q @ matrix.T, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"device": "qiskit.aer"},
        {"device": "qiskit.aer", "options": {"method": "matrix_product_state", "precision": "single"}},
        {"device": "default.qubit"},
        {"device": "lightning.qubit"},
        {"device": "default.mixed"},
    ],
)
def test_wire_order(options):
    """Wire 0 is column 0, for every device."""
    theta = np.array([[np.pi, 0.0], [0.0, np.pi], [np.pi, np.pi]])
    bits = engine("pennylane", **options).sample(ORDER, theta, 20, np.random.default_rng(0))
    for row, want in zip(bits, [(1, 0, 1), (0, 1, 0), (1, 1, 1)], strict=True):
        assert (row == want).all()


@pytest.mark.parametrize("device", ["qiskit.aer", "qiskit.remote"])
@pytest.mark.parametrize("backend", ["fake_manila", "fake_nairobi"])
def test_snapshots_of_ibm_devices(device, backend):
    """Transpiled, routed and noisy, and still in wire order: the likeliest string is the intended one."""
    theta = np.array([[np.pi, 0.0], [0.0, np.pi], [np.pi, np.pi]])
    runs = engine("pennylane", device=device, backend=backend)
    bits = runs.sample(ORDER, theta, 500, np.random.default_rng(0))
    assert bits.shape == (3, 500, 3)
    assert histogram(bits).argmax(axis=1).tolist() == [5, 2, 7]
    assert histogram(bits).max() < 1.0  # it is noisy
    np.testing.assert_array_equal(bits, runs.sample(ORDER, theta, 500, np.random.default_rng(0)))


@pytest.mark.parametrize("options", [{"device": "qiskit.aer"}, {"device": "qiskit.remote", "backend": "fake_manila"}])
def test_shared_unused_and_missing_parameters_on_qiskit(options):
    runs = engine("pennylane", **options)
    shared = Circuit(2, (Gate("RY", 0, 0, 2.0, 0.1), Gate("RX", 1, 0, -1.0)), n_params=2)
    bits = runs.sample(shared, np.array([0.8, 5.0]), 4000, np.random.default_rng(1))
    ideal = engine("statevector").probs(shared, np.array([0.8, 5.0]))
    assert total_variation(histogram(bits[None])[0], ideal) < (0.04 if options["device"] == "qiskit.aer" else 0.2)
    fixed = Circuit(2, (Gate("H", 0),), n_params=1)
    bits = runs.sample(fixed, np.zeros((3, 1)), 100, np.random.default_rng(1))
    assert bits.shape == (3, 100, 2)
    assert len({row.tobytes() for row in bits}) == 3
    idle = Circuit(2, (Gate("RZ", 0, 0), Gate("RZ", 1, 1)))  # the transpiler may drop both angles
    assert runs.sample(idle, np.zeros((3, 2)), 10, np.random.default_rng(1)).shape == (3, 10, 2)


def test_large_requests_become_several_jobs(monkeypatch):
    monkeypatch.setattr("qhn_core.engines.devices.qiskit.JOB_SHOTS", 200)
    runs, jobs = engine("pennylane", device="qiskit.aer"), []
    submit = QiskitSampler.submit_aer
    monkeypatch.setattr(QiskitSampler, "submit_aer", lambda self, *a: jobs.append(1) or submit(self, *a))
    bits = runs.sample(ORDER, np.tile([np.pi, 0.0], (5, 1)), 100, np.random.default_rng(0))
    assert bits.shape == (5, 100, 3)
    assert len(jobs) == 3


@pytest.mark.parametrize("options", [{}, SETTINGS, {"options": {"method": "statevector"}, **SETTINGS}])
def test_draws_do_not_depend_on_the_number_of_threads(monkeypatch, options):
    circuit = ansatz("linear", n_qubits=4, layers=1)
    theta = initial_angles(circuit, replicas=6, seed=3)
    found = []
    for threads in (1, 2):
        monkeypatch.setitem(AER_OPTIONS, "max_parallel_threads", threads)
        runs = engine("pennylane", device="qiskit.aer", **options)
        found.append(runs.sample(circuit, theta, 50, np.random.default_rng(0)))
    np.testing.assert_array_equal(*found)


def test_a_device_too_small_is_refused():
    runs = engine("pennylane", device="qiskit.aer", backend="fake_manila")
    with pytest.raises(TooLarge, match="5 qubits"):
        runs.sample(ansatz("product", n_qubits=6), np.zeros(6), 10, np.random.default_rng(0))


def test_a_plan_beyond_the_device_names_it_and_what_would_do():
    def refused(engine, **options):
        with pytest.raises(TooLarge) as caught:
            plan(RunConfig.model_validate({"engine": {"name": "pennylane"} | engine, **options}))
        return str(caught.value)

    shots = {"objective": {"name": "selbo"}, "estimator": {"name": "spsa", "shots": 64}}
    for device in ("qiskit.aer", "qiskit.remote"):
        assert refused({"device": device, "backend": "fake_manila"}, **shots) == (
            "13 qubits: back end 'fake_manila' takes at most 5 qubits. "
            "Use fewer qubits (a smaller network), or a larger back end such as 'fake_melbourne'."
        )
    large = {"network": {"name": "mlp", "layers": [2, 6, 1]}}  # 25 qubits
    assert refused({"device": "qiskit.aer", "backend": "fake_torino"}, **shots, **large) == (
        "25 qubits: back end 'fake_torino' takes at most 24 qubits. Use fewer qubits (a smaller network)."
    )
    assert "one step on device 'default.mixed' would take" in refused({"device": "default.mixed"})


def test_an_estimator_set_to_no_shots_is_told_to_take_some():
    def refused(objective):
        with pytest.raises(TooLarge) as caught:
            plan(
                RunConfig.model_validate(
                    {
                        "network": {"name": "mlp", "layers": [2, 5, 1]},  # 21 qubits
                        "objective": {"name": objective},
                        "estimator": {"name": "spsa", "shots": None},
                        "replicas": 1,
                    }
                )
            )
        return str(caught.value)

    assert "estimator 'spsa' without shots needs tables" in refused("mle")
    assert refused("mle").endswith("or set estimator.shots, for example to 1024: it then works on drawn strings only.")
    assert refused("elbo").endswith("or estimator score_function, which works on drawn strings only.")


def test_snapshots_are_listed_with_their_size():
    listed = fake_backends()
    assert listed["fake_manila"] == 5
    assert listed["fake_torino"] == 133
    assert list(listed.values()) == sorted(listed.values())


class TestFailures:
    def test_a_job_that_recovers(self, monkeypatch, caplog):
        failures = [RuntimeError("calibration in progress"), ConnectionError("reset")]
        submit = QiskitSampler.submit_aer

        def flaky(self, *arguments):
            if failures:
                raise failures.pop(0)
            return submit(self, *arguments)

        monkeypatch.setattr(QiskitSampler, "submit_aer", flaky)
        runs = engine("pennylane", device="qiskit.aer", pause=0.0)
        with caplog.at_level(logging.WARNING):
            assert runs.sample(ORDER, np.zeros(2), 10, np.random.default_rng(0)).shape == (10, 3)
        assert "calibration in progress" in caplog.text
        assert "attempt 2 of 3" in caplog.text

    def test_a_job_that_does_not(self, monkeypatch):
        def broken(self, *arguments):
            raise RuntimeError("the cryostat is warm")

        monkeypatch.setattr(QiskitSampler, "submit_aer", broken)
        runs = engine("pennylane", device="qiskit.aer", pause=0.0, attempts=2)
        with pytest.raises(DeviceError, match=r"qiskit\.aer failed 2 times, at last with .*the cryostat is warm\.$"):
            runs.sample(ORDER, np.zeros(2), 10, np.random.default_rng(0))

    @pytest.mark.parametrize(
        ("error", "attempts", "words"),
        [
            (ValueError("'Unable to find account.'"), 1, "x failed with ValueError: 'Unable to find account.'"),
            (ValueError("no route"), 2, "x failed 2 times, at last with ValueError: no route."),
        ],
    )
    def test_a_failure_is_told_in_one_sentence(self, error, attempts, words):
        def broken():
            raise error

        with pytest.raises(DeviceError) as told:
            call_device(broken, device="x", timeout=5.0, attempts=attempts, pause=0.0)
        assert str(told.value) == words

    def test_pauses_double(self):
        pauses: list[float] = []

        def broken():
            raise OSError("no")

        with pytest.raises(DeviceError):
            call_device(broken, device="x", timeout=5.0, attempts=4, pause=0.5, sleep=pauses.append)
        assert pauses == [0.5, 1.0, 2.0]

    def test_pauses_end_when_somebody_asks(self):
        def broken():
            raise OSError("no")

        asked = iter([False, False])
        with stopping(lambda: next(asked, True)), pytest.raises(GivenUp):
            call_device(broken, device="x", timeout=60.0, attempts=4, pause=100_000.0)

    def test_what_was_asked_elsewhere_is_nobody_elses_business(self):
        with stopping(lambda: True):
            pass
        assert within(5.0, lambda: 1) == 1
        with stopping(lambda: True):
            assert within(5.0, lambda: time.sleep(0.1) or 2, patient=True) == 2
            elsewhere = []
            thread = threading.Thread(target=lambda: elsewhere.append(within(5.0, lambda: time.sleep(0.1) or 3)))
            thread.start()
            thread.join()
        assert elsewhere == [3]

    def test_timeouts_are_not_tried_again(self):
        calls, release = [], threading.Event()

        def hang():
            calls.append(1)
            release.wait()

        with pytest.raises(DeviceError, match=r"no answer within 0\.05 s"):
            call_device(hang, device="x", timeout=0.05, attempts=3, pause=0.0)
        release.set()
        assert len(calls) == 1

    def test_own_refusals_pass_through(self):
        def refuse():
            raise Unsupported("not here")

        with pytest.raises(Unsupported, match="not here"):
            call_device(refuse, device="x", timeout=5.0, attempts=3, pause=0.0)

    def test_nothing_like_a_credential_is_shown(self, caplog):
        token = "a1B2" * 11

        def broken():
            raise RuntimeError(f"401 for {token}")

        with caplog.at_level(logging.DEBUG), pytest.raises(DeviceError) as caught:
            call_device(broken, device="x", timeout=5.0, attempts=2, pause=0.0)
        assert token not in str(caught.value) + caplog.text
        assert "[hidden]" in str(caught.value)
        assert caught.value.__suppress_context__


class RealJob:
    """Stands for a job on a real device."""

    def __init__(self, outcomes):
        self.outcomes, self.cancelled = outcomes, False

    def result(self, timeout):
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def cancel(self):
        self.cancelled = True


class HangingJob:
    """A job on a real device that stays in its queue until it is cancelled."""

    def __init__(self, *, refuses=None, cancelling_takes: float | None = 0.0):
        self.fetched, self.end, self.cancelled = threading.Event(), threading.Event(), False
        self.refuses, self.cancelling_takes = refuses, cancelling_takes

    def result(self, timeout):
        from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError

        self.fetched.set()
        self.end.wait(min(timeout, 60.0))
        raise RuntimeInvalidStateError("the job was cancelled")

    def cancel(self):
        if self.refuses is not None:
            raise self.refuses
        self.end.wait(self.cancelling_takes)
        self.cancelled = True
        self.end.set()


def remote_run(layers, **options):
    return RunConfig.model_validate(
        {
            "network": {"name": "mlp", "layers": layers},
            "objective": {"name": "mle"},
            "ansatz": {"name": "linear", "layers": 1},
            "engine": {"name": "pennylane", "device": "qiskit.remote", **options},
            "estimator": {"name": "spsa", "shots": 1000},
            "replicas": 2,
        }
    )


@pytest.mark.parametrize(("layers", "n_qubits"), [((2, 7, 1), 29), ((2, 30, 1), 121)])
def test_a_real_device_is_bounded_by_its_own_qubits_and_takes_no_memory_for_a_state(layers, n_qubits):
    for backend in ("ibm_torino", "ibm_nowhere"):
        needs = plan(remote_run(layers, backend=backend))
        assert needs.n_qubits == n_qubits
        assert needs.memory_bytes < 10**7  # the strings that come back
    with pytest.raises(TooLarge, match=rf"{n_qubits} qubits.*at most 24 qubits"):
        plan(remote_run(layers, backend="fake_torino"))


def test_more_qubits_than_a_real_device_has_are_refused():
    with pytest.raises(TooLarge, match="141 qubits: back end 'ibm_torino' takes at most 133 qubits"):
        plan(remote_run((2, 35, 1), backend="ibm_torino"))
    with pytest.raises(TooLarge, match="takes at most 1121 qubits"):
        plan(remote_run((2, 300, 1), backend="ibm_nowhere"))


class TestRealDevices:
    config: ClassVar[dict[str, object]] = {"device": "qiskit.remote", "backend": "ibm_nowhere", "pause": 0.0}

    def test_need_the_owners_permission(self, monkeypatch):
        monkeypatch.delenv("QHN_ALLOW_REMOTE", raising=False)
        config = ENGINES.make("pennylane", **self.config)
        assert config.remote
        with pytest.raises(Unsupported, match="QHN_ALLOW_REMOTE=1"):
            config.build()

    def run(self, monkeypatch, jobs):
        """A draw from a real device whose jobs are ``jobs``, one after the other."""
        import qiskit_ibm_runtime

        monkeypatch.setenv("QHN_ALLOW_REMOTE", "1")
        sent = []

        class Sampler:
            def __init__(self, mode):
                pass

            def run(self, work, shots):
                sent.append(shots)
                return jobs[len(sent) - 1]

        from qiskit_ibm_runtime.fake_provider import FakeManilaV2

        monkeypatch.setattr(qiskit_ibm_runtime, "SamplerV2", Sampler)
        monkeypatch.setattr(QiskitSampler, "real_backend", lambda self: FakeManilaV2())
        runs = engine("pennylane", **self.config)
        return sent, lambda: runs.sample(ORDER, np.zeros(2), 10, np.random.default_rng(0))

    @staticmethod
    def answer():
        """Ten shots as the runtime gives them, from a snapshot."""
        from qiskit import QuantumCircuit
        from qiskit.primitives import StatevectorSampler

        circuit = QuantumCircuit(3, 3)
        circuit.x(2)
        circuit.measure(range(3), range(3))
        return StatevectorSampler(seed=0).run([circuit], shots=10).result()

    def test_qubits_that_the_device_turns_out_not_to_have_are_refused_before_a_job_is_sent(self, monkeypatch):
        sent, _ = self.run(monkeypatch, [])
        runs = engine("pennylane", **self.config)
        with pytest.raises(TooLarge, match="6 qubits: back end 'ibm_nowhere' has 5"):
            runs.sample(ansatz("product", n_qubits=6), np.zeros(6), 10, np.random.default_rng(0))
        assert not sent

    def test_a_lost_connection_fetches_the_same_job(self, monkeypatch):
        jobs = [RealJob([ConnectionError("reset"), self.answer()])]
        sent, sample = self.run(monkeypatch, jobs)
        assert (sample() == [0, 0, 1]).all()
        assert sent == [10]

    def test_a_failed_job_is_sent_again(self, monkeypatch):
        from qiskit_ibm_runtime.exceptions import RuntimeJobFailureError

        jobs = [RealJob([RuntimeJobFailureError("internal error")]), RealJob([self.answer()])]
        sent, sample = self.run(monkeypatch, jobs)
        assert (sample() == [0, 0, 1]).all()
        assert sent == [10, 10]

    def test_a_job_that_queues_too_long_is_cancelled(self, monkeypatch):
        from qiskit_ibm_runtime.exceptions import RuntimeJobTimeoutError

        jobs = [RealJob([RuntimeJobTimeoutError("queued")])]
        sent, sample = self.run(monkeypatch, jobs)
        with pytest.raises(DeviceError, match="cancelled"):
            sample()
        assert jobs[0].cancelled
        assert sent == [10]

    def test_a_job_nobody_fetches_any_more_is_cancelled(self, monkeypatch):
        jobs = [RealJob([ConnectionError("reset")] * 3)]
        _, sample = self.run(monkeypatch, jobs)
        with pytest.raises(DeviceError, match=r"failed 3 times.*Its job was cancelled"):
            sample()
        assert jobs[0].cancelled

    def test_a_hanging_job_is_cancelled_as_soon_as_somebody_asks(self, monkeypatch):
        job, asked = HangingJob(), threading.Event()
        _, sample = self.run(monkeypatch, [job])
        threading.Timer(0.3, asked.set).start()
        with stopping(asked.is_set), pytest.raises(GivenUp, match="Its job was cancelled"):
            sample()
        assert asked.is_set()
        assert job.cancelled

    def test_a_job_that_cannot_be_cancelled_is_told(self, monkeypatch):
        job = HangingJob(refuses=RuntimeError("no connection"))
        _, sample = self.run(monkeypatch, [job])
        with stopping(job.fetched.is_set), pytest.raises(GivenUp, match=r"no connection.*may be paid for"):
            sample()

    def test_a_back_end_that_does_not_answer_to_cancel_holds_nobody_up(self, monkeypatch):
        job = HangingJob(cancelling_takes=None)
        _, sample = self.run(monkeypatch, [job])
        with stopping(job.fetched.is_set), pytest.raises(GivenUp, match="could not be cancelled"):
            sample()
        assert not job.cancelled
        job.end.set()

    def test_ctrl_c_cancels_too(self, monkeypatch):
        def interrupt():
            if job.fetched.is_set():
                raise KeyboardInterrupt
            return False

        job = HangingJob()
        _, sample = self.run(monkeypatch, [job])
        with stopping(interrupt), pytest.raises(KeyboardInterrupt):
            sample()
        assert job.cancelled

    def test_a_job_that_is_being_sent_is_cancelled_once_it_is_there(self):
        job, may_send, asked = HangingJob(), threading.Event(), threading.Event()
        sent = SentOnce(lambda: (asked.set(), may_send.wait(10), job)[-1], timeout=60.0)
        found = []

        def fetch():
            with pytest.raises(Exception, match="the job was cancelled") as caught:
                sent.result()
            found.append(caught.value)

        thread = threading.Thread(target=fetch, daemon=True)
        thread.start()
        assert asked.wait(5)
        assert "as soon as the back end has it" in sent.give_up()
        assert not job.cancelled
        may_send.set()
        thread.join(5)
        assert len(found) == 1
        assert job.cancelled
        never = SentOnce(lambda: pytest.fail("was sent"), timeout=60.0)
        assert never.give_up() == ""
        with pytest.raises(GivenUp):
            never.result()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "braket.aws"}, "default.qubit"),
        ({"device": "default.qubit", "noise_1q": 0.1}, "default.mixed"),
        ({"device": "lightning.qubit", "readout_error": 0.1}, "default.mixed"),
        ({"device": "qiskit.aer", "backend": "fake_manila", "noise_1q": 0.1}, "own noise"),
        ({"device": "qiskit.aer", "backend": "ibm_torino"}, "qiskit.remote"),
        ({"device": "qiskit.aer", "backend": "fake_moon"}, "fake_manila"),
        ({"device": "qiskit.aer", "gradient": "adjoint"}, "gradient"),
        ({"device": "qiskit.aer", "options": {"method": "tensor"}}, "statevector"),
        ({"device": "qiskit.aer", "options": {"optimization_level": 9}}, "0 to 3"),
        ({"device": "qiskit.aer", "options": {"optimization_level": True}}, "integer"),
        ({"device": "qiskit.aer", "options": {"basis_gates": "cx"}}, "method"),
        ({"device": "default.qubit", "options": {"max_workers": 8}}, "no options"),
        ({"device": "qiskit.remote"}, "fake_manila"),
        ({"device": "default.qubit", "backend": "fake_manila"}, "backend"),
        ({"device": "qiskit.aer", "account": "lab"}, "account"),
        ({"device": "qiskit.remote", "backend": "../../etc/passwd"}, "backend"),
        ({"device": "qiskit.remote", "backend": "fake_manila", "options": {"token": "x"}}, "save_account"),
        ({"device": "qiskit.remote", "backend": "ibm_x", "options": {"instance": "crn:v1"}}, "save_account"),
        ({"device": "qiskit.remote", "backend": "ibm_x", "account": "A" * 44}, "32"),
        ({"token": "x"}, "token"),
        ({"attempts": 0}, "attempts"),
        ({"timeout": float("inf")}, "timeout"),
        ({"noise_1q": 1.1, "device": "default.mixed"}, "noise_1q"),
    ],
)
def test_refused_configurations_say_why(options, words):
    with pytest.raises(InvalidArgument) as caught:
        ENGINES.make("pennylane", **options)
    assert words in str(caught.value)


def test_a_refused_credential_is_not_repeated():
    with pytest.raises(InvalidArgument) as caught:
        ENGINES.make("pennylane", device="qiskit.remote", backend="ibm_x", options={"token": "very-secret-value"})
    assert "very-secret" not in str(caught.value)


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.lists(st.integers()),
        max_size=4,
    ),
    st.sampled_from(sorted(DEVICES)),
)
@settings(max_examples=100, deadline=None)
def test_hostile_options_end_in_an_error_of_ours_or_a_valid_config(options, device):
    try:
        config = ENGINES.make("pennylane", device=device, backend="fake_manila", options=options)
    except QHNError:
        return
    assert set(config.options) <= set(DEVICES[device].options)


def test_configurations_survive_json():
    config = ENGINES.make("pennylane", device="qiskit.aer", options={"method": "statevector", "seed_transpiler": 3})
    assert ENGINES.parse(config.model_dump(mode="json")) == config
