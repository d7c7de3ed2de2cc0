"""The exact engine against its slow twin, PennyLane, finite differences and the shift rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qhn_core as qhn
from qhn_core.circuits.circuit import FIXED, ROTATIONS, Circuit, Gate
from qhn_core.engines.statevector import twin
from qhn_core.errors import InvalidArgument, TooLarge

PARAMS = 4
ENGINE = qhn.engine("statevector")


@st.composite
def circuits(draw, low: int = 1, high: int = 6, most: int = 24) -> Circuit:
    """Any gates in any order; parameters shared, scaled and shifted, angles fixed, slots unused."""
    n = draw(st.integers(low, high))
    names = sorted(name for name, wires in (ROTATIONS | FIXED).items() if wires <= n)
    gates = []
    for _ in range(draw(st.integers(0, most))):
        name = draw(st.sampled_from(names))
        wires = tuple(draw(st.permutations(range(n)))[: (ROTATIONS | FIXED)[name]])
        if name in FIXED:
            gates.append(Gate(name, wires))
            continue
        param = draw(st.none() | st.integers(0, PARAMS - 1))
        scale, offset = draw(st.sampled_from([1.0, -0.5, 2.0])), draw(st.sampled_from([0.0, 0.3, -2.0]))
        gates.append(Gate(name, wires, param, scale, offset))
    return Circuit(n, gates, n_params=PARAMS)


def random_circuit(n: int, gates: int, seed: int) -> Circuit:
    """A reproducible circuit of all gates, for sizes at which hypothesis would be slow."""
    rng = np.random.default_rng(seed)
    kinds, found = ROTATIONS | FIXED, []
    for name in rng.choice(sorted(kinds), gates):
        wires = tuple(int(w) for w in rng.permutation(n)[: kinds[name]])
        found.append(Gate(name, wires) if name in FIXED else Gate(name, wires, int(rng.integers(PARAMS)), 0.7, 0.1))
    return Circuit(n, found, n_params=PARAMS)


def case(circuit: Circuit, replicas: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    theta = rng.uniform(-np.pi, np.pi, (replicas, circuit.n_params))
    return theta, rng.normal(size=(replicas, 2**circuit.n_qubits))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(circuits())
def test_slow_twin_agrees(circuit):
    theta, g = case(circuit)
    q, found = ENGINE.probs(circuit, theta), ENGINE.gradient(circuit, theta, g)
    for r in range(len(theta)):
        np.testing.assert_allclose(q[r], twin.probs(circuit, theta[r]), atol=1e-12)
        np.testing.assert_allclose(found[r], twin.gradient(circuit, theta[r], g[r]), atol=1e-12)
    np.testing.assert_allclose(q.sum(1), 1.0, atol=1e-12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(circuits())
def test_pennylane_agrees(circuit):
    import pennylane as qml
    import torch

    theta, g = case(circuit, replicas=1)
    wires = range(circuit.n_qubits)

    @qml.qnode(qml.device("default.qubit", wires=wires), interface="torch", diff_method="backprop")
    def probabilities(angles):
        for gate in circuit.gates:
            extra = (gate.angle(angles),) if gate.is_rotation else ()
            getattr(qml, gate.name)(*extra, wires=list(gate.wires))
        return qml.probs(wires=wires)

    angles = torch.tensor(theta[0], requires_grad=True)
    q = probabilities(angles)
    total = (q * torch.tensor(g[0])).sum() + 0.0 * angles.sum()
    total.backward()
    np.testing.assert_allclose(ENGINE.probs(circuit, theta[0]), q.detach().numpy(), atol=1e-10)
    np.testing.assert_allclose(ENGINE.gradient(circuit, theta[0], g[0]), angles.grad.numpy(), atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(circuits())
def test_finite_differences_agree(circuit):
    theta, g = case(circuit, replicas=1)
    steps = 1e-5 * np.eye(PARAMS)
    up, down = ENGINE.probs(circuit, theta + steps), ENGINE.probs(circuit, theta - steps)
    np.testing.assert_allclose(ENGINE.gradient(circuit, theta[0], g[0]), (up - down) @ g[0] / 2e-5, atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(circuits())
def test_shift_rule_agrees(circuit):
    """Σ over occurrences of scale · ½[f(angle + π/2) − f(angle − π/2)]."""
    theta, g = case(circuit, replicas=1)
    expected = np.zeros(PARAMS)
    for param, positions in enumerate(circuit.occurrences):
        for position in positions:
            gate = circuit.gates[position]
            values = []
            for shift in (np.pi / 2, -np.pi / 2):
                moved = Gate(gate.name, gate.wires, gate.param, gate.scale, gate.offset + shift)
                gates = (*circuit.gates[:position], moved, *circuit.gates[position + 1 :])
                values.append(ENGINE.probs(Circuit(circuit.n_qubits, gates, n_params=PARAMS), theta[0]) @ g[0])
            expected[param] += gate.scale * 0.5 * (values[0] - values[1])
    np.testing.assert_allclose(ENGINE.gradient(circuit, theta[0], g[0]), expected, atol=1e-10)


@pytest.mark.parametrize("n", [7, 11, 14, 15, 16])
def test_every_size_of_block_agrees_with_the_twin(n):
    circuit = random_circuit(n, 60, seed=n)
    theta, g = case(circuit, replicas=1)
    np.testing.assert_allclose(ENGINE.probs(circuit, theta[0]), twin.probs(circuit, theta[0]), atol=1e-12)
    expected = twin.gradient(circuit, theta[0], g[0])
    np.testing.assert_allclose(ENGINE.gradient(circuit, theta, g)[0], expected, atol=1e-11)


def test_twenty_qubits():
    """A known state: RY(θ_i) on every wire, then CNOTs in a ladder; and CNOTs that undo it."""
    n = 20
    ladder = [Gate("CNOT", (i, i + 1)) for i in range(n - 1)]
    turns = [Gate("RY", (i,), i) for i in range(n)]
    back = ladder[::-1]
    middle = [Gate("RZ", (i,), n) for i in range(n)]
    circuit = Circuit(n, (*turns, *ladder, *middle, *back))
    theta = np.random.default_rng(0).uniform(0, np.pi, n + 1)
    one = np.sin(theta[:n] / 2) ** 2
    expected = np.ones(1)
    for p in one:
        expected = np.kron(expected, [1 - p, p])
    np.testing.assert_allclose(ENGINE.probs(circuit, theta), expected, atol=1e-12)
    marginal = (np.arange(2**n) >> (n - 1 - 3) & 1).astype(float)  # bit of wire 3: its mean is sin²(θ_3 / 2)
    found = ENGINE.gradient(circuit, theta, marginal)
    np.testing.assert_allclose(found, np.sin(theta[3]) / 2 * (np.arange(n + 1) == 3), atol=1e-10)


def test_one_qubit_one_gate():
    circuit = Circuit(1, (Gate("RY", (0,), 0),))
    np.testing.assert_allclose(ENGINE.probs(circuit, [0.4]), [np.cos(0.2) ** 2, np.sin(0.2) ** 2], atol=1e-15)
    np.testing.assert_allclose(ENGINE.gradient(circuit, [0.4], [0.0, 1.0]), [np.sin(0.4) / 2], atol=1e-15)


def test_no_gates_and_no_parameters():
    circuit = Circuit(2, (), n_params=0)
    np.testing.assert_array_equal(ENGINE.probs(circuit, np.zeros(0)), [1.0, 0.0, 0.0, 0.0])
    assert ENGINE.gradient(circuit, np.zeros((3, 0)), np.ones(4)).shape == (3, 0)


def test_evaluate_is_probs_and_gradient():
    circuit = random_circuit(5, 40, seed=1)
    theta, g = case(circuit, replicas=3)
    found = ENGINE.evaluate(circuit, theta, lambda q: (g * q, "kept"))
    np.testing.assert_array_equal(found.probs, ENGINE.probs(circuit, theta))
    assert found.aux == "kept"
    np.testing.assert_array_equal(found.gradient, ENGINE.gradient(circuit, theta, g * found.probs))


def test_the_diagonal_may_call_the_engine():
    """Scratch of the outer call is not touched by a call from inside it."""
    circuit = random_circuit(6, 40, seed=2)
    theta, g = case(circuit)

    def diagonal(q):
        ENGINE.gradient(circuit, theta[::-1], g)
        return g, None

    found = ENGINE.evaluate(circuit, theta, diagonal).gradient
    np.testing.assert_array_equal(found, ENGINE.gradient(circuit, theta, g))


def test_one_diagonal_for_all_replicas():
    circuit = random_circuit(5, 30, seed=3)
    theta, g = case(circuit, replicas=3)
    np.testing.assert_array_equal(
        ENGINE.gradient(circuit, theta, g[0]), ENGINE.gradient(circuit, theta, np.tile(g[0], (3, 1)))
    )


def test_read_only_and_strided_arrays():
    circuit = random_circuit(4, 20, seed=4)
    theta, g = case(circuit, replicas=4)
    expected = ENGINE.gradient(circuit, theta[::2], g[::2])
    frozen = theta.copy()
    frozen.setflags(write=False)
    np.testing.assert_array_equal(ENGINE.gradient(circuit, frozen[::2], g[::2]), expected)
    np.testing.assert_array_equal(ENGINE.gradient(circuit, frozen, g)[::2], expected)


def test_wrong_arguments_are_named():
    circuit = random_circuit(3, 10, seed=5)
    with pytest.raises(InvalidArgument, match="theta"):
        ENGINE.probs(circuit, np.zeros(PARAMS + 1))
    with pytest.raises(InvalidArgument, match="diagonal"):
        ENGINE.gradient(circuit, np.zeros(PARAMS), np.zeros(7))
    with pytest.raises(InvalidArgument, match="shots"):
        ENGINE.sample(circuit, np.zeros(PARAMS), 0, np.random.default_rng(0))
    with pytest.raises(TooLarge, match="24 qubits"):
        ENGINE.probs(Circuit(25, (Gate("RY", (0,), 0),)), np.zeros(1))
