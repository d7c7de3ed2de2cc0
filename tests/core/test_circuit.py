"""Gates and circuits: what they accept, how they draw, how they run inside a QNode."""

import numpy as np
import pennylane as qml
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core import Circuit, Gate, ansatz, engine
from qhn_core.errors import InvalidArgument, UnknownName


def probabilities(circuit: Circuit, theta):
    """q by PennyLane's default.qubit."""
    device = qml.device("default.qubit", wires=circuit.n_qubits)

    @qml.qnode(device)
    def run(angles):
        circuit.apply(angles)
        return qml.probs(wires=range(circuit.n_qubits))

    return run(theta)


MIXED = Circuit(
    3,
    (
        Gate("H", 0),
        Gate("RX", 1, 0, 2.0, -0.3),
        Gate("RY", 2, None, offset=0.7),
        Gate("CX", (2, 0)),
        Gate("IsingZZ", (0, 2), 1, -0.5),
        Gate("RX", 0, 0),
        Gate("CZ", (1, 2)),
        Gate("RY", 1, 1),
    ),
)


#: No finite real number.
BAD_NUMBERS = (None, "1", b"1", 1j, np.complex128(1), 10**400, 10**5000, True, np.ones(1), [[1], [1, 2]], {}, np.nan)


def test_numbers_of_numpy_are_converted():
    gates = (Gate("RX", np.int64(1), np.uint8(0), np.float32(0.5), np.array(0.25)), Gate("CNOT", np.array([0, 1])))
    circuit = Circuit(np.int64(2), gates, n_params=np.int16(1))
    assert circuit == Circuit(2, (Gate("RX", 1, 0, 0.5, 0.25), Gate("CNOT", (0, 1))))
    assert circuit.content_hash == Circuit(2, circuit.gates).content_hash
    assert {type(n) for gate in gates for n in (*gate.wires, gate.param or 0)} == {int}
    assert {type(n) for gate in gates for n in (gate.scale, gate.offset)} == {float}
    assert type(circuit.n_qubits) is type(circuit.n_params) is int
    assert engine("statevector").probs(circuit, np.zeros(1)).shape == (4,)


def test_aliases_and_slots():
    assert [g.name for g in MIXED.gates[:4]] == ["Hadamard", "RX", "RY", "CNOT"]
    assert MIXED.n_params == 2
    assert MIXED.occurrences == ((1, 5), (4, 7))


def test_equal_gates_have_equal_hashes_and_a_changed_scale_another():
    same = Circuit(3, MIXED.gates, name="other name")
    other = Circuit(3, (*MIXED.gates[:-1], Gate("RY", 1, 1, 1.5)))
    assert same.content_hash == MIXED.content_hash != other.content_hash


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: Gate("RY", (0, 1)), "wires"),
        (lambda: Gate("CNOT", (1, 1)), "wires"),
        (lambda: Gate("CZ", (0, 1), 0), "param"),
        (lambda: Gate("RY", 0, 0, float("nan")), "scale"),
        (lambda: Gate("RY", 0, offset=-np.inf), "offset"),
        *((lambda v=v: Gate("RY", 0, 0, scale=v), "scale") for v in BAD_NUMBERS),
        *((lambda v=v: Gate("RY", 0, 0, offset=v), "offset") for v in BAD_NUMBERS),
        *((lambda v=v: Gate("RX", v), "wires") for v in (0.0, None, "a", True, np.array(0), [0.0], 1j, b"")),
        (lambda: Gate("RX", 0, 1.0), "param"),
        (lambda: Gate(None, 0), "gate"),
        (lambda: Gate([], 0), "gate"),
        *((lambda v=v: Circuit(2, v), "gates") for v in (None, 5, "RX", np.array(1))),
        *((lambda v=v: Circuit(2, n_params=v), "n_params") for v in (1.5, True, "3", None, -2, np.array([1, 2]))),
        *((lambda v=v: Circuit(v), "n_qubits") for v in (2.0, True, "2", None)),
        (lambda: Circuit(2, (Gate("RX", 10**5000),)), "wires"),
        (lambda: MIXED.apply(["a", "b"]), "theta"),
        (lambda: MIXED.apply(np.zeros(2), wires=3), "wires"),
        (lambda: Gate("RY", -1, 0), "wires"),
        (lambda: Circuit(1, (Gate("CNOT", (0, 1)),)), "wires"),
        (lambda: Circuit(1, (Gate("RY", 0, 3),), n_params=2), "n_params"),
        (lambda: Circuit(0), "n_qubits"),
        (lambda: Circuit(1, ("RY",)), "gates"),
        (lambda: MIXED.apply(np.zeros(3)), "theta"),
        (lambda: MIXED.apply(np.zeros(2), wires=["a"]), "wires"),
        (lambda: MIXED.draw(width=3), "width"),
    ],
)
def test_refusals_name_the_argument(make, argument):
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert caught.value.argument == argument


def test_unknown_gate_lists_the_known_ones():
    with pytest.raises(UnknownName, match="IsingZZ"):
        Gate("Toffoli", (0, 1))


def test_apply_is_scale_times_theta_plus_offset():
    theta = np.array([0.4, -1.1])

    @qml.qnode(qml.device("default.qubit", wires=3))
    def by_hand():
        qml.Hadamard(0)
        qml.RX(2 * theta[0] - 0.3, 1)
        qml.RY(0.7, 2)
        qml.CNOT([2, 0])
        qml.IsingZZ(-0.5 * theta[1], [0, 2])
        qml.RX(theta[0], 0)
        qml.CZ([1, 2])
        qml.RY(theta[1], 1)
        return qml.probs(wires=range(3))

    np.testing.assert_allclose(probabilities(MIXED, theta), by_hand(), atol=1e-12)


def test_apply_broadcasts_and_takes_lists():
    theta = np.random.default_rng(0).uniform(0, 6, (4, 2))
    batch = probabilities(MIXED, theta)
    for row, angles in zip(batch, theta, strict=True):
        np.testing.assert_allclose(row, probabilities(MIXED, list(angles)), atol=1e-12)


@pytest.mark.parametrize("interface", ["torch", "autograd"])
def test_apply_is_differentiable(interface):
    theta, cost = np.array([0.4, -1.1]), np.arange(8.0) ** 2
    numeric = []
    for k in range(2):
        shift = 1e-5 * np.eye(2)[k]
        numeric.append((probabilities(MIXED, theta + shift) - probabilities(MIXED, theta - shift)) @ cost / 2e-5)
    if interface == "torch":
        leaf = torch.tensor(theta, requires_grad=True)
        (probabilities(MIXED, leaf) @ torch.tensor(cost)).backward()
        found = leaf.grad.numpy()
    else:
        found = qml.grad(lambda t: qml.math.sum(probabilities(MIXED, t) * cost))(qml.numpy.array(theta))
    np.testing.assert_allclose(found, numeric, atol=1e-6)


def test_apply_on_named_wires():
    @qml.qnode(qml.device("default.qubit", wires=["c", "a", "b"]))
    def run():
        MIXED.apply([0.4, -1.1], wires=["a", "b", "c"])
        return qml.probs(wires=["a", "b", "c"])

    np.testing.assert_allclose(run(), probabilities(MIXED, [0.4, -1.1]), atol=1e-12)


def test_drawing_shows_every_gate_with_its_angle():
    text = MIXED.draw()
    lines = text.splitlines()
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1
    for part in ("RX(2θ0-0.3)", "RY(0.7)", "ZZ(-0.5θ1)", "RX(θ0)", "RY(θ1)", "─H"):
        assert part in text
    assert lines[0].index("X") == lines[2].index("●")  # CNOT(2, 0) stands in one column


def test_long_drawings_wrap():
    circuit = ansatz("linear", n_qubits=12, layers=3)
    text = circuit.draw(width=60)
    blocks = text.split("\n\n")
    assert len(blocks) > 2
    assert all(len(line) <= 60 for line in text.splitlines())
    assert all(len(block.splitlines()) == 12 for block in blocks)
    for k in range(circuit.n_params):
        assert text.count(f"(θ{k})") == 1


@st.composite
def circuits(draw):
    n = draw(st.integers(1, 4))
    gates = []
    for _ in range(draw(st.integers(0, 12))):
        names = ["RX", "RY", "RZ", "Hadamard"] + (["IsingZZ", "CNOT", "CZ"] if n > 1 else [])
        name = draw(st.sampled_from(names))
        pair = draw(st.permutations(range(n)))
        wires = tuple(pair[: 2 if name in ("IsingZZ", "CNOT", "CZ") else 1])
        param = draw(st.none() | st.integers(0, 3)) if name[0] in "RI" else None
        gates.append(Gate(name, wires, param))
    return Circuit(n, gates)


@given(circuits(), st.integers(20, 120))
@settings(max_examples=100, deadline=None)
def test_any_circuit_draws_in_aligned_blocks(circuit, width):
    blocks = circuit.draw(width=width).split("\n\n")
    for block in blocks:
        lines = block.splitlines()
        assert len(lines) == circuit.n_qubits
        assert len({len(line) for line in lines}) == 1
    drawn = "".join(blocks)
    assert drawn.count("H") == sum(g.name == "Hadamard" for g in circuit.gates)
    assert drawn.count("X") == sum(g.name in ("CNOT", "RX") for g in circuit.gates)
