"""Circuits recognised from PennyLane functions: PennyLane's own templates, its gates, and what is refused."""

from functools import partial, reduce
from itertools import count

import numpy as np
import pennylane as qml
import pytest

from qhn_core import Circuit, Gate, ansatz
from qhn_core.ansatze import ANSATZE
from qhn_core.circuits.matrices import dense
from qhn_core.errors import InvalidArgument, Unsupported


def probabilities(function, theta, n):
    @qml.qnode(qml.device("default.qubit", wires=n))
    def run():
        function(theta)
        return qml.probs(wires=range(n))

    return run()


def spread(theta):
    """So that no string is certain: a rotation on each of four wires that is the same for all."""
    for wire in range(4):
        qml.RY(0.4 + wire, wire)
        qml.RX(0.3, wire)


def check(function, n_params, n=4):
    circuit = Circuit.from_pennylane(function, n_params, n_qubits=n)
    rng = np.random.default_rng(0)
    for _ in range(3):
        theta = rng.uniform(-7, 7, n_params)
        np.testing.assert_allclose(
            probabilities(circuit.apply, theta, n), probabilities(function, theta, n), atol=1e-10
        )
    return circuit


W4 = range(4)
TEMPLATES = {
    "StronglyEntanglingLayers": (24, lambda t: qml.StronglyEntanglingLayers(t.reshape(2, 4, 3), wires=W4)),
    "StronglyEntanglingLayers CZ": (
        24,
        lambda t: qml.StronglyEntanglingLayers(t.reshape(2, 4, 3), wires=W4, ranges=(2, 1), imprimitive=qml.CZ),
    ),
    "BasicEntanglerLayers": (8, lambda t: qml.BasicEntanglerLayers(t.reshape(2, 4), wires=W4, rotation=qml.RY)),
    "SimplifiedTwoDesign": (16, lambda t: qml.SimplifiedTwoDesign(t[:4], t[4:].reshape(2, 3, 2), wires=W4)),
    "RandomLayers": (10, lambda t: qml.RandomLayers(t.reshape(2, 5), wires=W4, seed=3)),
    "AngleEmbedding": (4, lambda t: qml.AngleEmbedding(t, wires=W4, rotation="Y")),
    "IQPEmbedding of numbers": (0, lambda t: qml.IQPEmbedding([0.1, 0.7, 0.3, 0.9], wires=W4, n_repeats=2)),
    "QAOAEmbedding": (8, lambda t: qml.QAOAEmbedding([0.1, 0.2, 0.3, 0.4], t.reshape(1, 8), wires=W4)),
    "QFT": (4, lambda t: (qml.AngleEmbedding(t, wires=W4), qml.QFT(wires=W4))),
    "ArbitraryUnitary": (15, lambda t: qml.ArbitraryUnitary(t, wires=[0, 2])),
    "ArbitraryStatePreparation": (14, lambda t: qml.ArbitraryStatePreparation(t, wires=[0, 1, 3])),
    "TwoLocal-like": (
        12,
        lambda t: [
            [qml.U3(*t[3 * w : 3 * w + 3], wires=w) for w in W4],
            [qml.CZ([w, (w + 1) % 4]) for w in W4],
        ],
    ),
    "MottonenStatePreparation": (
        1,
        lambda t: (
            qml.MottonenStatePreparation(np.arange(1, 17) / np.linalg.norm(np.arange(1, 17)), W4),
            qml.RX(t[0], 0),
        ),
    ),
    "GroverOperator": (4, lambda t: (qml.AngleEmbedding(t, wires=W4), qml.GroverOperator(wires=W4))),
    "QuantumPhaseEstimation": (
        1,
        lambda t: (
            qml.RX(t[0], 0),
            qml.QuantumPhaseEstimation(qml.RZ(0.7, wires=0), estimation_wires=[1, 2, 3]),
        ),
    ),
    "TTN": (
        6,
        lambda t: qml.TTN(
            wires=W4,
            n_block_wires=2,
            block=lambda w, wires: (qml.RX(w[0], wires[0]), qml.RY(w[1], wires[1]), qml.CNOT(wires)),
            n_params_block=2,
            template_weights=t.reshape(3, 2),
        ),
    ),
    "GateFabric": (
        2,
        lambda t: qml.GateFabric(t.reshape(1, 1, 2), wires=W4, init_state=np.array([1, 1, 0, 0]), include_pi=True),
    ),
    "BasisEmbedding": (4, lambda t: (qml.BasisEmbedding([1, 0, 1, 1], wires=W4), qml.AngleEmbedding(t, wires=W4))),
    "CommutingEvolution": (1, lambda t: (spread(t), qml.CommutingEvolution(qml.X(0) @ qml.X(1) + qml.Z(2), t[0]))),
    "TrotterProduct": (
        0,
        lambda t: (spread(t), qml.TrotterProduct(qml.X(0) @ qml.Z(1) + 0.3 * qml.Y(2), time=0.5, n=2, order=2)),
    ),
    "PauliRot": (1, lambda t: (spread(t), qml.PauliRot(t[0], "XYZ", wires=[0, 1, 3]))),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates(name):
    n_params, function = TEMPLATES[name]
    circuit = check(function, n_params)
    assert circuit.n_params == n_params


ONE = {
    "RX": lambda x, w: qml.RX(x, w[0]),
    "PhaseShift": lambda x, w: qml.PhaseShift(x, w[0]),
    "U1": lambda x, w: qml.U1(x, w[0]),
    "U2": lambda x, w: qml.U2(x, 0.3, w[0]),
    "U3": lambda x, w: qml.U3(x, 0.3, -0.2, w[0]),
    "Rot": lambda x, w: qml.Rot(0.1, x, 0.7, w[0]),
    "CRX": lambda x, w: qml.CRX(x, w[:2]),
    "CRY": lambda x, w: qml.CRY(x, w[:2]),
    "CRZ": lambda x, w: qml.CRZ(x, w[:2]),
    "CRot": lambda x, w: qml.CRot(0.3, x, -x, w[:2]),
    "ControlledPhaseShift": lambda x, w: qml.ControlledPhaseShift(x, w[:2]),
    "IsingXX": lambda x, w: qml.IsingXX(x, w[:2]),
    "IsingYY": lambda x, w: qml.IsingYY(x, w[:2]),
    "IsingXY": lambda x, w: qml.IsingXY(x, w[:2]),
    "IsingZZ": lambda x, w: qml.IsingZZ(x, w[:2]),
    "MultiRZ": lambda x, w: qml.MultiRZ(x, w),
    "PauliRot": lambda x, w: qml.PauliRot(x, "XYZ", w),
    "SingleExcitation": lambda x, w: qml.SingleExcitation(x, w[:2]),
    "FermionicSWAP": lambda x, w: qml.FermionicSWAP(x, w[:2]),
    "adjoint RX": lambda x, w: qml.adjoint(qml.RX(x, w[0])),
    "pow RY": lambda x, w: qml.pow(qml.RY(x, w[0]), 3),
    "ctrl RX": lambda x, w: qml.ctrl(qml.RX(x, w[0]), control=w[2]),
    "ctrl RY on 0": lambda x, w: qml.ctrl(qml.RY(x, w[0]), control=w[2], control_values=[0]),
    "exp": lambda x, w: qml.exp(qml.X(w[0]), -0.5j * 0.7) and None,
    "prod": lambda x, w: qml.prod(qml.RX(x, w[0]), qml.RY(0.2, w[1])),
    "GlobalPhase": lambda x, w: (qml.GlobalPhase(x), qml.RX(x, w[1])),
    "fixed gates": lambda x, w: [
        g(wires=w[0]) for g in (qml.X, qml.Y, qml.Z, qml.S, qml.T, qml.SX, qml.H, qml.Identity)
    ],
    "adjoint fixed": lambda x, w: [qml.adjoint(g(wires=w[0])) for g in (qml.S, qml.T, qml.SX)],
    "two wires": lambda x, w: [g(wires=w[:2]) for g in (qml.SWAP, qml.ISWAP, qml.CY, qml.CH, qml.SISWAP, qml.ECR)],
    "three wires": lambda x, w: [g(wires=w) for g in (qml.Toffoli, qml.CSWAP, qml.CCZ)],
    "QubitUnitary": lambda x, w: qml.QubitUnitary(np.array([[1, 1j], [1j, 1]]) / np.sqrt(2), wires=w[0]),
    "MultiControlledX": lambda x, w: qml.MultiControlledX([*w, 0], control_values=[1, 0, 1]),
    "Barrier": lambda x, w: (qml.Barrier(wires=w), qml.RY(x, w[0])),
}


@pytest.mark.parametrize("name", ONE)
def test_gates(name):
    """Each between the same rotations, with the parameter scaled and shifted."""

    def function(theta):
        spread(theta)
        ONE[name](-1.5 * theta[1] + 0.25, [1, 3, 2])
        spread(theta)
        qml.RY(theta[0], 2)

    circuit = check(function, 2)
    assert circuit.gates[-1] == Gate("RY", 2, 0)


#: Two or more controls on what has a parameter, where PennyLane itself decomposes a matrix of numbers.
CONTROLLED = {
    "CC RX": lambda x: qml.ctrl(qml.RX(x, 0), [1, 2]),
    "CC RY": lambda x: qml.ctrl(qml.RY(x, 0), [1, 2]),
    "CC RZ": lambda x: qml.ctrl(qml.RZ(x, 0), [1, 2]),
    "CCC RX": lambda x: qml.ctrl(qml.RX(x, 0), [1, 2, 3]),
    "CC RX on 01": lambda x: qml.ctrl(qml.RX(x, 0), [1, 2], control_values=[0, 1]),
    "CC RZ on 00": lambda x: qml.ctrl(qml.RZ(x, 0), [1, 2], control_values=[0, 0]),
    "CC PhaseShift": lambda x: qml.ctrl(qml.PhaseShift(x, 0), [1, 2]),
    "CCC PhaseShift": lambda x: qml.ctrl(qml.PhaseShift(x, 0), [1, 2, 3]),
    "CC U1": lambda x: qml.ctrl(qml.U1(x, 0), [1, 2]),
    "CC U2": lambda x: qml.ctrl(qml.U2(0.3, x, 0), [1, 2]),
    "CC U3": lambda x: qml.ctrl(qml.U3(0.3, 0.2, x, 0), [1, 2]),
    "CC MultiRZ": lambda x: qml.ctrl(qml.MultiRZ(x, [0, 1]), [2, 3]),
    "CC PauliRot": lambda x: qml.ctrl(qml.PauliRot(x, "XY", [0, 1]), [2, 3]),
    "CC CRX": lambda x: qml.ctrl(qml.CRX(x, [0, 1]), [2, 3]),
    "CC CRZ": lambda x: qml.ctrl(qml.CRZ(x, [0, 1]), [2, 3]),
    "C ControlledPhaseShift": lambda x: qml.ctrl(qml.ControlledPhaseShift(x, [0, 1]), 2),
    "CC ControlledPhaseShift": lambda x: qml.ctrl(qml.ControlledPhaseShift(x, [0, 1]), [2, 3]),
    "CC function": lambda x: qml.ctrl(lambda: (qml.RX(x, 0), qml.H(1), qml.RY(0.2, 1)), [2, 3])(),
    "CC IsingXX": lambda x: qml.ctrl(qml.IsingXX(x, [0, 1]), [2, 3]),
    "CC IsingZZ": lambda x: qml.ctrl(qml.IsingZZ(x, [0, 1]), [2, 3]),
    "CC SingleExcitation": lambda x: qml.ctrl(qml.SingleExcitation(x, [0, 1]), [2, 3]),
    "Select": lambda x: qml.Select([qml.RX(x, 3), qml.RY(0.4, 3), qml.RZ(x, 3)], control=[0, 1]),
    "QuantumPhaseEstimation": lambda x: qml.QuantumPhaseEstimation(qml.RX(x, 0), estimation_wires=[1, 2]),
    "CC Rot": lambda x: qml.ctrl(qml.Rot(0.2, x, 0.1, 0), [1, 2]),
    "C CRot": lambda x: qml.ctrl(qml.CRot(0.2, x, 0.1, [0, 1]), 2),
    "C adjoint": lambda x: qml.ctrl(qml.adjoint(qml.RX(x, 0)), [1, 2]),
    "C pow": lambda x: qml.ctrl(qml.pow(qml.RY(x, 0), 2), [1, 3]),
    "CC GlobalPhase": lambda x: qml.ctrl(qml.GlobalPhase(x), [1, 2]),
    "Controlled, one control": lambda x: qml.ops.Controlled(qml.RX(x, 0), [2], control_values=[0]),
    "C QubitUnitary": lambda x: (qml.ctrl(qml.QubitUnitary(np.diag([1, 1j]), 0), [1, 2]), qml.RX(x, 0)),
}
#: What PennyLane has no decomposition of, with a number or with a parameter that can be kept.
BY_MATRIX = {
    "SWAP**0.5": lambda x: (qml.pow(qml.SWAP([0, 1]), 0.5), qml.RX(x, 0)),
    "H**0.3": lambda x: (qml.pow(qml.H(2), 0.3), qml.RX(x, 0)),
    "C(SWAP**0.5)": lambda x: (qml.ctrl(qml.pow(qml.SWAP([0, 1]), 0.5), 2), qml.RX(x, 0)),
    "DoubleExcitationPlus of a number": lambda x: (qml.DoubleExcitationPlus(0.7, range(4)), qml.RX(x, 0)),
    "DoubleExcitationPlus": lambda x: qml.DoubleExcitationPlus(x, range(4)),
    "DoubleExcitationMinus": lambda x: qml.DoubleExcitationMinus(x, [2, 0, 3, 1]),
    "evolve": lambda x: qml.evolve(qml.X(0) + qml.Z(0), x),
    "evolve on two wires": lambda x: qml.evolve(0.3 * qml.X(0) @ qml.Y(2) + qml.Z(0) + 0.1 * qml.Z(2), x),
    "exp": lambda x: qml.exp(qml.X(0) + qml.Z(0), 0.5j * x),
    "exp of a number": lambda x: (qml.exp(qml.X(0) + qml.Z(0), 0.5j), qml.RX(x, 0)),
    "C evolve": lambda x: qml.ctrl(qml.evolve(qml.X(0) + qml.Z(0), x), [2]),
    "CC evolve on 01": lambda x: qml.ctrl(qml.evolve(qml.X(0) + qml.Z(0), x), [2, 1], control_values=[0, 1]),
    "CCC evolve": lambda x: qml.ctrl(qml.evolve(qml.X(0) + qml.Z(0), x), [1, 2, 3]),
    "CCC evolve of a number": lambda x: (qml.ctrl(qml.evolve(qml.X(0) - qml.Z(0), 0.7), [1, 2, 3]), qml.RX(x, 0)),
    "CC evolve of a number": lambda x: (qml.ctrl(qml.evolve(qml.X(0) + qml.Z(0), 0.7), [1, 2]), qml.RX(x, 0)),
}


@pytest.mark.parametrize("name", [*CONTROLLED, *BY_MATRIX])
def test_controls_and_matrices_keep_the_parameter(name):
    """Between rotations, with the parameter scaled and shifted."""

    def function(theta):
        spread(theta)
        (CONTROLLED | BY_MATRIX)[name](-1.5 * theta[1] + 0.25)
        spread(theta)
        qml.RY(theta[0], 2)

    circuit = check(function, 2)
    assert any(gate.param == 1 for gate in circuit.gates)


def test_controlled_rotations_of_all_angles_at_once():
    def function(theta):
        spread(theta)
        qml.ctrl(qml.Rot(*theta[:3], 0), [1, 2])
        qml.ctrl(qml.CRot(*theta[3:6], [3, 1]), [0, 2], control_values=[1, 0])
        spread(theta)

    check(function, 6)


def test_angles_of_torch_that_follow_gradients_are_numbers():
    import torch

    def function(angles):
        qml.RX(2.0 * angles[0], 0)
        qml.ctrl(qml.Rot(angles[1], 0.3, 0.1, 0), [1, 2])

    circuit = Circuit.from_pennylane(lambda theta: function(torch.tensor(theta, requires_grad=True)), 2)
    assert circuit.gates[0] == Gate("RX", 0, 0, 2.0)
    assert circuit == Circuit.from_pennylane(function, 2)


class BrokenTemplate(qml.operation.Operation):
    """A template whose decomposition fails."""

    num_wires = 1

    @staticmethod
    def compute_decomposition(*params, wires, **options):
        return len(3)


def test_a_template_that_fails_in_its_decomposition_is_named():
    with pytest.raises(InvalidArgument, match=r"got TypeError.*len.*Gate 1, BrokenTemplate on wires \[2\]"):
        Circuit.from_pennylane(lambda t: (qml.RX(t[0], 0), BrokenTemplate(wires=2)), 1)


def test_scales_and_offsets_are_kept_exactly():
    def function(theta):
        qml.RX(2 * theta[1] - np.pi / 4, 0)
        qml.RY(theta[0] / 3, 1)
        qml.RZ(0.7, 1)
        qml.IsingZZ(-theta[0], [1, 0])

    assert Circuit.from_pennylane(function, 3).gates == (
        Gate("RX", 0, 1, 2.0, -np.pi / 4),
        Gate("RY", 1, 0, 1 / 3),
        Gate("RZ", 1, None, offset=0.7),
        Gate("IsingZZ", (1, 0), 0, -1.0),
    )
    assert Circuit.from_pennylane(function, 3).n_params == 3


@pytest.mark.parametrize("name", ANSATZE.names())
def test_our_own_circuits_come_back_as_they_are(name):
    circuit = ansatz(name, n_qubits=4, layers=1)
    assert Circuit.from_pennylane(circuit.apply, circuit.n_params).gates == circuit.gates


def test_partial_functions_keep_their_arguments():
    def function(wire, theta):
        qml.RX(theta[0], wire)

    assert Circuit.from_pennylane(partial(function, 1), 1) == Circuit(2, (Gate("RX", 1, 0),))


#: One more at every call.
TURNS = count()


def beside(operation):
    """The operation with others after it, on other wires and on its own."""
    qml.RX(0.3, 1)
    qml.Hadamard(0)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda t: qml.RX(t[0] + t[1], 0), ["RX on wires [0]", "mixes the parameters 0 and 1"]),
        (lambda t: qml.RX(t[0] * t[1], 0), ["mixes the parameters 0 and 1"]),
        (lambda t: (qml.H(0), qml.RY(t[1] ** 2, 1)), ["Gate 1, RY on wires [1]", "not linear in parameter 1"]),
        (lambda t: qml.RY(np.sin(t[0]), 0), ["not linear in parameter 0"]),
        (lambda t: qml.RY(abs(t[0]), 0), ["not linear in parameter 0"]),
        (lambda t: qml.CRX(t[0] ** 2, [0, 1]), ["CRX on wires [0, 1], decomposed to RZ", "parameter 0"]),
        (lambda t: qml.IQPEmbedding(t, wires=[0, 1]), ["mixes the parameters 0 and 1"]),
        (lambda t: qml.RX(t[0], 0) if t[0] > 1 else qml.RY(t[0], 0), ["depend on theta"]),
        (lambda t: [qml.RX(0.1, 0) for _ in range(int(abs(t[0])))], ["their number changes"]),
        (lambda t: qml.RX(np.float32(t[0]), 0), ["RX on wires [0]", "float32", "double precision"]),
        (lambda t: qml.CRX(np.float32(3 * t[1]) + 1, [0, 1]), ["decomposed to RZ", "float32"]),
        (lambda t: qml.exp(qml.X(0) + qml.Z(0)), ["Exp", "not unitary"]),
        (lambda t: qml.QubitUnitary(qml.matrix(qml.RX(t[0], 0)), 0), ["QubitUnitary", "keeps a parameter"]),
        (lambda t: qml.evolve(t[0] * qml.X(0) + qml.Z(0), 1.0), ["Evolution", "keeps a parameter"]),
        (lambda t: qml.pow(qml.RX(t[0], 0), 0.5), ["RX", "**0.5", "keeps a parameter"]),
        (lambda t: qml.evolve(sum(qml.X(k) for k in range(5)), t[0]), ["Evolution", "at most 4 wires"]),
        (lambda t: qml.pow(qml.ISWAP([0, 1]), t[0]), ["keeps a parameter"]),
        (lambda t: qml.RX(0.3j * t[0], 0), ["one finite real number"]),
        (lambda t: qml.DepolarizingChannel(0.1, 0), ["DepolarizingChannel", "channels"]),
        (lambda t: (qml.RX(t[0], 0), qml.measure(0), qml.RX(0.1, 0)), ["measurements"]),
        (lambda t: qml.cond(qml.measure(0), qml.RX)(t[0], 1), ["conditions"]),
        (lambda t: qml.RX(np.array([0.1, 0.2]), 0), ["batch"]),
        (lambda t: qml.RX(np.nan, 0), ["finite"]),
        (lambda t: qml.RX(np.random.default_rng().uniform(), 0), ["changes from call to call"]),
        (lambda t: [qml.RX, qml.RY][next(TURNS) % 2](0.1, 0), ["call to call"]),
        (lambda t: beside(qml.pow(qml.PhaseShift(t[0], 0), 0.5)), ["PhaseShift**0.5", "keeps a parameter"]),
        (lambda t: beside(qml.DiagonalQubitUnitary(np.exp(1j * t), 0)), ["DiagonalQubitUnitary", "keeps a parameter"]),
        (lambda t: beside(qml.RX(t[0], 0) if t[0] > 1 else qml.RY(t[0], 0)), ["Gate 0, R", "RY", "depend on theta"]),
    ],
)
def test_refusals_name_gate_and_parameters(function, words):
    with pytest.raises(Unsupported) as caught:
        Circuit.from_pennylane(function, 2)
    for word in words:
        assert word in str(caught.value)


def test_functions_that_fail_and_sizes():
    with pytest.raises(InvalidArgument, match=r"IndexError.*n_params"):
        Circuit.from_pennylane(lambda t: qml.RX(t[2], 0), 2)
    with pytest.raises(InvalidArgument, match="n_qubits"):
        Circuit.from_pennylane(lambda t: qml.RX(t[0], 3), 1, n_qubits=2)
    with pytest.raises(InvalidArgument, match="n_params"):
        Circuit.from_pennylane(lambda t: None, -1)
    assert Circuit.from_pennylane(lambda t: None, 0) == Circuit(1)
    assert Circuit.from_pennylane(lambda t: qml.RX(t[0], 0), 1, n_qubits=5).n_qubits == 5


# ------------------------------------------------------------------------------------ what is no quantum function


@qml.qnode(qml.device("default.qubit", wires=2))
def node(theta, scale=1.0):
    qml.RX(scale * theta[0], 0)
    qml.RY(theta[1], 1)
    return qml.probs()


RUN_A_QNODE = {
    "a lambda": lambda theta: node(theta, scale=2.0),
    "a lambda that drops its result": lambda theta: (node(theta), None)[1],
    "a gate beside": lambda theta: (qml.H(0), node(theta))[1],
    "inside what is returned": lambda theta: {"found": [None, node(theta)]},
    "snapshots": qml.snapshots(node),
    "draw": qml.draw(node),
    "construct_tape": qml.workflow.construct_tape(node),
    "grad": qml.grad(lambda theta: qml.math.sum(node(theta))),
    "specs": qml.specs(node),
    "a transform of a partial": qml.transforms.cancel_inverses(partial(node, scale=2.0)),
    "a partial of draw": partial(qml.draw(node)),
}


@pytest.mark.filterwarnings("ignore:Attempted to differentiate")
@pytest.mark.parametrize("name", RUN_A_QNODE)
def test_a_function_that_runs_a_qnode_is_refused_with_the_remedy(name):
    with pytest.raises(
        InvalidArgument, match=r"function: expected a quantum function.*pass the QNode itself"
    ) as caught:
        Circuit.from_pennylane(RUN_A_QNODE[name], 2)
    assert caught.value.argument == "function"


def test_what_quantum_functions_return_is_no_matter():
    def function(theta, returned):
        operation = qml.RX(theta[0], 0)
        return returned(operation)

    for returned in (
        lambda _: None,
        lambda operation: operation,
        lambda _: (qml.probs(), [qml.expval(qml.Z(0))]),
        lambda operation: {"a": operation, "b": [None]},
        lambda _: 2,
        lambda _: (qml.wires.Wires([0]), "done"),
    ):
        assert Circuit.from_pennylane(partial(function, returned=returned), 1).gates == (Gate("RX", 0, 0),)
    assert Circuit.from_pennylane(lambda _: qml.probs(), 1) == Circuit(1, n_params=1)
    with pytest.raises(InvalidArgument, match="one that returns float"):
        Circuit.from_pennylane(partial(function, returned=lambda _: 0.5), 1)
    with pytest.raises(InvalidArgument, match="one that returns int"):  # as counts are
        Circuit.from_pennylane(partial(function, returned=lambda _: {"0": 3}), 1)
    with pytest.raises(InvalidArgument, match="one that returns int"):
        Circuit.from_pennylane(lambda _: 2, 1)


def test_a_tape_inside_is_refused_with_the_remedy():
    def function(theta):
        with qml.tape.QuantumTape() as tape:
            qml.RX(theta[0], 0)
        return tape and None

    inside = qml.QNode(lambda theta: (function(theta), qml.probs())[1], qml.device("default.qubit", wires=1))
    for made in (function, inside):
        with pytest.raises(InvalidArgument, match=r"QuantumTape in place 0, a tape inside it.*qml\.apply"):
            Circuit.from_pennylane(made, 1)


# ------------------------------------------------------------------------------------------------ not unitary

SHEAR = np.array([[1.0, 1.0], [0.0, 1.0]])
NOT_UNITARY = {
    "QubitUnitary": lambda: qml.QubitUnitary(SHEAR, 0),
    "QubitUnitary of twice the identity": lambda: qml.QubitUnitary(2 * np.eye(2), 0),
    "QubitUnitary on two wires": lambda: qml.QubitUnitary(np.diag([1, 1, 1, 0.5]), [0, 1]),
    "QubitUnitary on six wires": lambda: qml.QubitUnitary(np.kron(np.eye(32), SHEAR), range(6)),
    "QubitUnitary of NaN": lambda: qml.QubitUnitary(np.full((2, 2), np.nan), 0),
    "ControlledQubitUnitary": lambda: qml.ControlledQubitUnitary(SHEAR, [1, 0]),
    "DiagonalQubitUnitary": lambda: qml.DiagonalQubitUnitary([1, 0], 0),
    "BasisRotation": lambda: qml.BasisRotation([0, 1], SHEAR),
    "Evolution": lambda: qml.evolve(qml.s_prod(1j, qml.X(0)), 0.3),
    "Evolution on many wires": lambda: qml.evolve(1j * qml.prod(*(qml.X(k) for k in range(6))), 0.3),
    "Evolution of a generator": lambda: qml.evolve(qml.s_prod(1j, qml.IsingXY(0.1, [0, 1]).generator()), 0.3),
    "Exp": lambda: qml.exp(qml.X(0) @ qml.Z(0), 0.3j),
    "SProd": lambda: qml.s_prod(2.0, qml.X(0)),
    "Projector": lambda: qml.ops.Controlled(qml.Projector([1], 0), [1]),
}
AROUND = {
    "itself": lambda make: make(),
    "ctrl": lambda make: qml.ops.Controlled(make(), ["c"]),
    "adjoint": lambda make: qml.adjoint(make()),
    "pow": lambda make: qml.pow(make(), 2),
    "pow 0": lambda make: qml.ops.Pow(make(), 0),
    "pow 0.5": lambda make: qml.ops.Pow(make(), 0.5),
    "prod": lambda make: qml.prod(qml.H("a"), make()),
    "ctrl adjoint pow": lambda make: qml.ops.Controlled(qml.ops.Adjoint(qml.ops.Pow(make(), 3)), ["c"]),
    "Select": lambda make: qml.Select([qml.X("a"), make()], control=["c"]),
    "change_op_basis": lambda make: qml.change_op_basis(qml.H("a"), make()),
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", NOT_UNITARY)
def test_what_is_not_unitary_is_refused_wherever_it_stands(name, around):
    with pytest.raises(Unsupported, match=r"is not unitary|at most 4 wires"):
        Circuit.from_pennylane(lambda _: (AROUND[around](NOT_UNITARY[name]), None)[1], 0)


def test_what_is_not_unitary_is_named():
    with pytest.raises(Unsupported, match=r"Gate 1, Prod on wires \[0, 1\], \(in it, QubitUnitary\) is not unitary"):
        Circuit.from_pennylane(lambda _: (qml.H(0), qml.prod(qml.H(0), qml.QubitUnitary(SHEAR, 1)), None)[2], 0)


@pytest.mark.parametrize("rounded", [lambda m: m.astype(np.complex64), lambda m: m.round(7)])
def test_unitary_matrices_of_rounded_numbers_are_read(rounded):
    def function(theta):
        spread(theta)
        qml.QubitUnitary(rounded(qml.matrix(qml.QFT([0, 1]))), [0, 1])
        qml.DiagonalQubitUnitary(rounded(np.exp(1j * np.arange(4.0))), [2, 3])
        spread(theta)

    circuit = Circuit.from_pennylane(function, 0)
    np.testing.assert_allclose(probabilities(circuit.apply, [], 4), probabilities(function, [], 4), atol=1e-6)


# ------------------------------------------------------------------------------------------------ products


def product():
    """Factors that overlap, with one on another wire between them: PennyLane 0.45 has the matrix wrong."""
    return qml.prod(qml.RX(0.2, 0), qml.RZ(0.3, 1), qml.CH([0, 2]))


def by_factors():
    return reduce(np.matmul, [qml.matrix(factor, wire_order=[0, 1, 2]) for factor in product()])


PRODUCTS = {
    "itself": (product, lambda m: m),
    "pow 0.5": (lambda: qml.pow(product(), 0.5), lambda m: fractional(m, 0.5)),
    "adjoint pow 0.5": (lambda: qml.adjoint(qml.pow(product(), 0.5)), lambda m: fractional(m, 0.5).conj().T),
    "pow 0.5 of pow": (lambda: qml.pow(qml.pow(product(), 3), 0.5), lambda m: fractional(m @ m @ m, 0.5)),
    "s_prod": (lambda: qml.s_prod(-1.0, product()), lambda m: -m),
    "evolve": (lambda: qml.evolve(qml.sum(product(), qml.adjoint(product())), 0.4), lambda m: exponential(m)),
}


def test_taking_a_matrix_leaves_the_operation_as_it_was():
    operation = qml.adjoint(qml.pow(qml.sum(product(), qml.s_prod(2.0, product())), 0.5))
    before = str(operation)
    dense(operation, operation.wires)
    assert str(operation) == before


def fractional(matrix, exponent):
    from scipy.linalg import fractional_matrix_power

    return fractional_matrix_power(matrix, exponent)


def exponential(matrix):
    from scipy.linalg import expm

    return expm(-0.4j * (matrix + matrix.conj().T))


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_of_overlapping_factors_are_taken_factor_by_factor(name):
    make, right = PRODUCTS[name]

    def function(theta, operation):
        spread(theta)
        operation()
        spread(theta)

    circuit = Circuit.from_pennylane(partial(function, operation=make), 0, n_qubits=4)
    matrix = right(by_factors())
    expected = probabilities(partial(function, operation=lambda: qml.QubitUnitary(matrix, [0, 1, 2])), [], 4)
    np.testing.assert_allclose(probabilities(circuit.apply, [], 4), expected, atol=1e-9)


# ------------------------------------------------------------------------------------------------ wires and angles


@pytest.mark.parametrize("label", [2, 2.0, 4 / 2, np.float64(2), np.float32(2), np.int64(2), 2 + 0j])
def test_wires_are_the_numbers_that_pennylane_takes_them_for(label):
    assert Circuit.from_pennylane(lambda t: (qml.RX(t[0], label), qml.H(0), None)[2], 1) == Circuit(
        3, (Gate("RX", 2, 0), Gate("H", 0))
    )
    run = qml.QNode(lambda t: (qml.RX(t[0], label), qml.probs())[1], qml.device("default.qubit", wires=4))
    assert Circuit.from_pennylane(run, 1) == Circuit(4, (Gate("RX", 2, 0),))


@pytest.mark.parametrize("label", [0.5, -1, -1.0, "2", float("inf"), (2,)])
def test_other_labels_are_numbered_as_they_occur(label):
    labels = [label] if isinstance(label, tuple) else label
    circuit = Circuit.from_pennylane(lambda t: (qml.RX(t[0], wires=labels), qml.H(7), None)[2], 1)
    assert circuit == Circuit(2, (Gate("RX", 0, 0), Gate("H", 1)))


LINES = [(1.0, 1e7), (1e6, 0.3), (1e-3, 100.0), (1e-6, 0.0), (1e12, 0.0), (-1e3, 1e3), (0.0, 1e11), (1e-3, 1e5)]


@pytest.mark.parametrize(("scale", "offset"), LINES)
def test_lines_of_any_size_are_recognised(scale, offset):
    (gate,) = Circuit.from_pennylane(lambda t: qml.RX(scale * t[1] + offset, 0), 2).gates
    assert gate.param == (1 if scale else None)
    size = abs(offset) + 9 * abs(scale)
    assert gate.offset == pytest.approx(offset, abs=1e-15 * size + 1e-12)
    if scale:
        assert gate.scale == pytest.approx(scale, abs=1e-16 * size + 1e-12)


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e7, 1e10])
@pytest.mark.parametrize("size", [1e-4, 1e-3, 1.0])
def test_curves_are_no_lines_however_large_what_stands_beside_them(offset, size):
    with pytest.raises(Unsupported, match=r"not linear in parameter 0|so large that theta's part"):
        Circuit.from_pennylane(lambda t: qml.RX(offset + size * np.sin(t[0]), 0), 1)


@pytest.mark.parametrize("slope", [1e5, 1e6])
def test_a_small_curve_on_a_steep_line_is_no_line(slope):
    with pytest.raises(Unsupported, match=r"RX on wires \[0\], has an angle that is"):
        Circuit.from_pennylane(lambda t: qml.RX(slope * t[0] + 1e-3 * np.sin(t[0]), 0), 1)


@pytest.mark.parametrize("offset", [1e11, -1e13])
def test_angles_that_swallow_theta_are_told(offset):
    with pytest.raises(Unsupported, match=r"RX on wires \[0\].*so large.*4π"):
        Circuit.from_pennylane(lambda t: qml.RX(t[0] + offset, 0), 1)


def test_numbers_of_numpy_are_whole_numbers_too():
    circuit = Circuit.from_pennylane(lambda t: qml.RX(t[0], 0), np.int64(1), n_qubits=np.int64(2))
    assert circuit == Circuit(2, (Gate("RX", 0, 0),))
    assert type(circuit.n_params) is type(circuit.n_qubits) is int
    assert circuit.content_hash == Circuit(2, (Gate("RX", 0, 0),)).content_hash
