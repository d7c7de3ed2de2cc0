"""The PennyLane engine in exact mode and with shots, against the fast engine and against PennyLane used by hand."""

import threading

import numpy as np
import pennylane as qml
import pytest
from scipy.stats import chisquare

from qhn_core import Circuit, Gate, ansatz, engine, initial_angles
from qhn_core.ansatze import ANSATZE
from qhn_core.engines import ENGINES
from qhn_core.errors import InvalidArgument, TooLarge, Unsupported

EXACT = [
    ("default.qubit", "backprop"),
    ("default.qubit", "adjoint"),
    ("default.qubit", "parameter_shift"),
    ("lightning.qubit", "adjoint"),
    ("lightning.qubit", "parameter_shift"),
    ("default.mixed", "backprop"),
    ("default.mixed", "parameter_shift"),
]
SHARED = Circuit(
    3,
    (
        Gate("H", 0),
        Gate("RX", 1, 0, 2.0, -0.3),
        Gate("RY", 2, None, offset=0.7),
        Gate("CNOT", (2, 0)),
        Gate("IsingZZ", (0, 2), 1, -0.5),
        Gate("RX", 0, 0),
        Gate("CZ", (1, 2)),
        Gate("RY", 1, 1),
    ),
    n_params=3,  # the last one is used by no gate
)
NOISY = {"noise_1q": 0.02, "noise_2q": 0.07, "readout_error": 0.03}


def assert_drawn_from(bits, q):
    """Bits (S, N) are drawn from q: chi-squared test at the 1e-6 level, rare strings pooled."""
    n = bits.shape[1]
    counts = np.bincount(bits.astype(int) @ (1 << np.arange(n)[::-1]), minlength=2**n)
    expected = q * len(bits)
    rare = expected < 5
    observed = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], expected[rare].sum())
    if wanted[-1] < 1e-9:
        assert observed[-1] == 0
        observed, wanted = observed[:-1], wanted[:-1]
    elif wanted[-1] < 5:
        observed, wanted = np.append(observed[:-2], observed[-2:].sum()), np.append(wanted[:-2], wanted[-2:].sum())
    if len(observed) > 1:
        assert chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue > 1e-6


def make(device, gradient="auto", **options):
    return engine("pennylane", device=device, gradient=gradient, **options)


@pytest.mark.parametrize("name", [name for name in ANSATZE.names() if not ANSATZE[name].own])
@pytest.mark.parametrize(("device", "gradient"), EXACT)
def test_agrees_with_the_fast_engine(device, gradient, name):
    layers = 1 if name == "product" else 2
    ours, theirs = engine("statevector"), make(device, gradient)
    circuit = ansatz(name, n_qubits=3, layers=layers)
    theta = initial_angles(circuit, replicas=2, seed=3)
    g = np.random.default_rng(0).normal(size=(2, 8))
    np.testing.assert_allclose(theirs.probs(circuit, theta), ours.probs(circuit, theta), atol=1e-10)
    np.testing.assert_allclose(theirs.gradient(circuit, theta, g), ours.gradient(circuit, theta, g), atol=1e-10)


@pytest.mark.parametrize(("device", "gradient"), EXACT)
def test_shared_scaled_and_unused_parameters(device, gradient):
    theirs, theta = make(device, gradient), np.array([[0.4, -1.1, 9.0], [2.0, 0.3, 0.0]])
    g = np.random.default_rng(1).normal(size=8)
    numeric = np.empty((2, 3))
    for k in range(3):
        shift = 1e-5 * np.eye(3)[k]
        numeric[:, k] = (theirs.probs(SHARED, theta + shift) - theirs.probs(SHARED, theta - shift)) @ g / 2e-5
    np.testing.assert_allclose(theirs.gradient(SHARED, theta, g), numeric, atol=1e-8)


@pytest.mark.parametrize(("device", "gradient"), EXACT)
def test_evaluate_gives_the_same_as_its_parts(device, gradient):
    theirs = make(device, gradient)
    theta = np.array([[0.4, -1.1, 9.0], [2.0, 0.3, 0.0]])
    found = theirs.evaluate(SHARED, theta, lambda q: (np.log(q), "aux"))
    q = theirs.probs(SHARED, theta)
    np.testing.assert_allclose(found.probs, q, atol=1e-12)
    np.testing.assert_allclose(found.gradient, theirs.gradient(SHARED, theta, np.log(q)), atol=1e-12)
    assert found.aux == "aux"


@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit", "default.mixed"])
def test_shapes_of_single_rows_one_qubit_and_fixed_circuits(device):
    theirs = make(device)
    one = ansatz("linear", n_qubits=1, layers=1)
    assert theirs.probs(one, [0.3, 0.1]).shape == (2,)
    assert theirs.gradient(one, [0.3, 0.1], [0.0, 1.0]).shape == (2,)
    assert theirs.sample(one, [0.3, 0.1], 1, np.random.default_rng(0)).shape == (1, 1)
    fixed = Circuit(2, (Gate("H", 0), Gate("RY", 1, None, offset=0.3)), n_params=1)
    assert theirs.probs(fixed, np.zeros((3, 1))).shape == (3, 4)
    np.testing.assert_array_equal(theirs.gradient(fixed, np.zeros((3, 1)), np.arange(4.0)), np.zeros((3, 1)))
    bits = theirs.sample(fixed, np.zeros((3, 1)), 50, np.random.default_rng(0))
    assert bits.shape == (3, 50, 2)
    assert len({row.tobytes() for row in bits}) == 3  # the replicas' draws are independent
    empty = Circuit(2)
    np.testing.assert_allclose(theirs.probs(empty, np.zeros((1, 0))), [[1, 0, 0, 0]])


def test_single_precision_states_its_error():
    circuit = ansatz("linear", n_qubits=5, layers=3)
    theta = initial_angles(circuit, seed=2)
    single = make("lightning.qubit", options={"precision": "single"}).probs(circuit, theta)
    exact = engine("statevector").probs(circuit, theta)
    assert 1e-12 < np.abs(single - exact).max() < 1e-5


def test_large_batches_are_split(monkeypatch):
    monkeypatch.setattr("qhn_core.engines.devices.analytic.BATCH_BYTES", 16 * 8 * 2)
    theirs, ours = make("default.qubit"), engine("statevector")
    circuit = ansatz("ring", n_qubits=3, layers=2)
    theta = initial_angles(circuit, replicas=5)
    g = np.random.default_rng(0).normal(size=(5, 8))
    found = theirs.evaluate(circuit, theta, lambda q: (g, None))
    np.testing.assert_allclose(found.probs, ours.probs(circuit, theta), atol=1e-10)
    np.testing.assert_allclose(found.gradient, ours.gradient(circuit, theta, g), atol=1e-10)
    bits = theirs.sample(circuit, theta, 3000, np.random.default_rng(5))
    for row, q in zip(bits, found.probs, strict=True):
        assert_drawn_from(row, q)


def without_backprop(*arguments, diff_method, run=qml.execute, **options):
    assert diff_method != "backprop"
    return run(*arguments, diff_method=diff_method, **options)


def test_deep_backprop_of_density_matrices_gives_way_to_parameter_shift(monkeypatch):
    theta, g = np.array([[0.4, -1.1, 0.0]]), np.random.default_rng(2).normal(size=8)
    want = make("default.mixed", "backprop", **NOISY).gradient(SHARED, theta, g)
    monkeypatch.setattr("qhn_core.engines.devices.analytic.BACKPROP_BYTES", 1 << 14)
    monkeypatch.setattr(qml, "execute", without_backprop)
    np.testing.assert_allclose(make("default.mixed", **NOISY).gradient(SHARED, theta, g), want, atol=1e-10)


def test_deep_backprop_gives_way_to_adjoint(monkeypatch):
    monkeypatch.setattr("qhn_core.engines.devices.analytic.BACKPROP_BYTES", 1 << 20)
    monkeypatch.setattr(qml, "execute", without_backprop)
    circuit = ansatz("linear", n_qubits=12, layers=1)
    theta = initial_angles(circuit)
    g = np.random.default_rng(0).normal(size=2**12)
    found = make("default.qubit", "backprop").gradient(circuit, theta, g)
    np.testing.assert_allclose(found, engine("statevector").gradient(circuit, theta, g), atol=1e-10)


@pytest.mark.parametrize(("device", "gradient"), EXACT)
def test_wires_without_gates_and_in_any_order(device, gradient):
    theirs, ours, g = make(device, gradient), engine("statevector"), np.random.default_rng(0).normal(size=16)
    circuit = Circuit(4, (Gate("RY", 2, 0), Gate("CNOT", (2, 1)), Gate("RX", 1, 1)))
    theta = [0.7, 0.2]
    np.testing.assert_allclose(theirs.probs(circuit, theta), ours.probs(circuit, theta), atol=1e-10)
    np.testing.assert_allclose(theirs.gradient(circuit, theta, g), ours.gradient(circuit, theta, g), atol=1e-10)


def test_noise_against_pennylane_by_hand():
    """Joint two-qubit depolarising as a mixture of all 16 Pauli pairs, written out with probabilities of outcomes."""
    theta = np.array([0.4, -1.1, 0.0])
    lam1, lam2, flip = NOISY.values()

    @qml.qnode(qml.device("default.mixed", wires=3))
    def by_hand():
        for gate in SHARED.gates:
            operation = getattr(qml, gate.name)
            operation(gate.angle(theta), wires=gate.wires) if gate.is_rotation else operation(wires=gate.wires)
            if len(gate.wires) == 1:
                qml.DepolarizingChannel(0.75 * lam1, wires=gate.wires)
            else:
                words = [a + b for a in "IXYZ" for b in "IXYZ"]
                matrices = [qml.pauli.string_to_pauli_word(w, {0: 0, 1: 1}).matrix(wire_order=[0, 1]) for w in words]
                weights = [1 - 15 * lam2 / 16] + [lam2 / 16] * 15
                qml.QubitChannel([np.sqrt(p) * m for p, m in zip(weights, matrices, strict=True)], wires=gate.wires)
        for wire in range(3):
            qml.BitFlip(flip, wires=wire)
        return qml.probs(wires=range(3))

    np.testing.assert_allclose(make("default.mixed", **NOISY).probs(SHARED, theta), by_hand(), atol=1e-10)


def test_gradients_under_noise_agree():
    theta, g = np.array([[0.4, -1.1, 0.0]]), np.random.default_rng(2).normal(size=8)
    backprop = make("default.mixed", "backprop", **NOISY).gradient(SHARED, theta, g)
    shift = make("default.mixed", "parameter_shift", **NOISY).gradient(SHARED, theta, g)
    np.testing.assert_allclose(backprop, shift, atol=1e-10)
    assert np.abs(backprop).max() > 0.01


@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit", "default.mixed"])
def test_samples_follow_the_probabilities(device):
    theirs = make(device, **(NOISY if device == "default.mixed" else {}))
    theta = np.array([[0.4, -1.1, 0.0], [2.0, 0.3, 0.0]])
    bits = theirs.sample(SHARED, theta, 20000, np.random.default_rng(4))
    assert bits.dtype == np.uint8
    for row, q in zip(bits, theirs.probs(SHARED, theta), strict=True):
        assert_drawn_from(row, q)
    again = theirs.sample(SHARED, theta, 20000, np.random.default_rng(4))
    np.testing.assert_array_equal(bits, again)
    assert not np.array_equal(bits, theirs.sample(SHARED, theta, 20000, np.random.default_rng(5)))


def test_threads_do_not_disturb_each_other():
    circuits = [ansatz(name, n_qubits=3, layers=2) for name in ("linear", "iqp", "ring", "strongly_entangling")]
    found: dict[int, list] = {k: [] for k in range(4)}
    theirs, ours = make("default.qubit"), engine("statevector")

    def work(k):
        for seed in range(5):
            theta = initial_angles(circuits[k], replicas=2, seed=seed)
            diff = theirs.evaluate(circuits[k], theta, lambda q: (np.log(q), None)).probs - ours.probs(
                circuits[k], theta
            )
            found[k].append(np.abs(diff).max())

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [len(v) for v in found.values()] == [5] * 4
    assert max(max(v) for v in found.values()) < 1e-10


def test_refusals():
    theirs = make("default.mixed")
    with pytest.raises(TooLarge, match="10 qubits"):
        theirs.probs(ansatz("product", n_qubits=11), np.zeros(11))
    with pytest.raises(InvalidArgument, match="theta"):
        theirs.probs(SHARED, np.zeros(2))
    with pytest.raises(InvalidArgument, match="diagonal"):
        theirs.gradient(SHARED, np.zeros(3), np.zeros(4))
    with pytest.raises(InvalidArgument, match="shots"):
        theirs.sample(SHARED, np.zeros(3), 0, np.random.default_rng(0))
    shots_only = make("qiskit.aer")
    assert shots_only.provides == {"samples"}
    for call in (
        lambda: shots_only.probs(SHARED, np.zeros(3)),
        lambda: shots_only.gradient(SHARED, np.zeros(3), np.zeros(8)),
        lambda: shots_only.evaluate(SHARED, np.zeros((1, 3)), lambda q: (q, None)),
    ):
        with pytest.raises(Unsupported, match=r"gives samples only.*estimator that works from samples"):
            call()


@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit", "default.mixed", "qiskit.aer"])
def test_memory_grows_with_qubits(device):
    config = ENGINES.make("pennylane", device=device)
    small, large = (config.check(ansatz("product", n_qubits=n)) for n in (4, 10))
    assert 0 < small <= large
