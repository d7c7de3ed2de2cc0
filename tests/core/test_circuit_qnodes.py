"""QNodes: their device's wires and their transforms are kept, or the reason why not is named."""

from functools import partial

import numpy as np
import pennylane as qml
import pytest

from qhn_core import Circuit, Gate, engine
from qhn_core.errors import InvalidArgument, Unsupported

THETA = np.array([0.5, 1.2])


def body(theta, wires=(0, 1)):
    qml.RX(theta[0], wires[0])
    qml.RY(theta[1], wires[1])
    qml.CNOT(wires)


def qnode(device, *transforms, measure=qml.probs, function=body):
    def run(theta):
        function(theta)
        return measure()

    node = qml.QNode(run, device)
    for transform in transforms:
        node = transform(node)
    return node


def two():
    return qml.device("default.qubit", wires=2)


@qml.transform
def add_x(tape):
    return (tape.copy(operations=[*tape.operations, qml.X(1)]),), lambda results: results[0]


@qml.transform
def add_x_with_shots(tape):
    return (tape.copy(operations=[*tape.operations, *([qml.X(1)] if tape.shots else [])]),), lambda results: results[0]


@qml.transform
def double(tape):
    return (tape,), lambda results: 2 * results[0]


@qml.transform
def broken(tape):
    raise RuntimeError("no such luck")


KEPT = {
    "as it is": lambda: qnode(two()),
    "idle wires": lambda: qnode(qml.device("default.qubit", wires=4)),
    "wires in another order": lambda: qnode(qml.device("default.qubit", wires=[2, 1, 0])),
    "labels": lambda: qnode(
        qml.device("default.qubit", wires=["a", "b", "c"]), function=lambda t: body(t, wires=("c", "b"))
    ),
    "no wires of the device": lambda: qnode(qml.device("default.qubit"), function=lambda t: body(t, wires=(2, 0))),
    "no wires of the device, labels": lambda: qnode(
        qml.device("default.qubit"), function=lambda t: body(t, wires=("b", "a"))
    ),
    "measured in another order": lambda: qnode(two(), measure=lambda: qml.probs(wires=[1, 0])),
    "sampled in another order": lambda: qnode(two(), measure=lambda: qml.sample(wires=[1, 0])),
    "counted in another order": lambda: qnode(two(), measure=lambda: qml.counts(wires=[1, 0])),
    "the density matrix in another order": lambda: qnode(two(), measure=lambda: qml.density_matrix([1, 0])),
    "lightning": lambda: qnode(qml.device("lightning.qubit", wires=3)),
    "a transform of one's own": lambda: qnode(two(), add_x),
    "two transforms": lambda: qnode(two(), add_x, qml.transforms.cancel_inverses, add_x),
    "compile": lambda: qnode(two(), qml.compile),
    "fold": lambda: qnode(two(), partial(qml.noise.fold_global, scale_factor=3)),
}


def distribution(node, theta):
    """q of what the node returns, whatever kind it is; of samples and counts by its measurement's wires."""
    tape = qml.workflow.construct_tape(node, level="top")(theta)
    (measurement,) = tape.measurements
    if isinstance(measurement, qml.measurements.DensityMatrixMP):
        return np.diag(node(theta)).real
    if isinstance(measurement, (qml.measurements.SampleMP, qml.measurements.CountsMP)):
        return qnode(node.device, measure=lambda: qml.probs(wires=measurement.wires))(theta)
    return node(theta)


@pytest.mark.parametrize("name", KEPT)
def test_a_circuit_has_the_probabilities_of_its_qnode(name):
    node = KEPT[name]()
    circuit = Circuit.from_pennylane(node, 2)
    np.testing.assert_allclose(engine("statevector").probs(circuit, THETA), distribution(node, THETA), atol=1e-10)


def scaled(first, theta, scale=1.0):
    qml.RX(scale * theta[0], first)
    qml.RY(theta[1], 1)
    return qml.probs(wires=[1, 0])


PARTIALS = {
    "keyword": lambda node: partial(node, 0, scale=2.0),
    "keyword, then keyword": lambda node: partial(partial(node, 0, scale=3.0), scale=2.0),
    "argument, then keyword": lambda node: partial(partial(node, 0), scale=2.0),
    "shots": lambda node: partial(qml.set_shots(node, 10), 0, scale=2.0),
    "after a transform": lambda node: partial(qml.transforms.cancel_inverses(node), 0, scale=2.0),
}


@pytest.mark.parametrize("name", PARTIALS)
def test_partials_of_a_qnode_are_the_qnode_with_these_arguments(name):
    node = qml.QNode(scaled, qml.device("default.qubit", wires=2))
    circuit = Circuit.from_pennylane(PARTIALS[name](node), 2)
    assert circuit == Circuit(2, (Gate("RX", 1, 0, 2.0), Gate("RY", 0, 1)))
    np.testing.assert_allclose(engine("statevector").probs(circuit, THETA), node(0, THETA, scale=2.0), atol=1e-10)


def test_arguments_that_do_not_fit_a_partial_are_told():
    with pytest.raises(InvalidArgument, match="quantum function of one argument"):
        Circuit.from_pennylane(partial(qml.QNode(scaled, two()), 0, THETA, 1.0), 2)


def test_a_qnode_without_operations_is_its_wires():
    assert Circuit.from_pennylane(qnode(two(), function=lambda _: None), 1) == Circuit(2, n_params=1)


def test_names_and_order_of_wires_come_from_the_device():
    @qml.qnode(qml.device("default.qubit", wires=["a", "b"]))
    def node(theta):
        qml.RX(theta[0], "b")
        qml.CNOT(["b", "a"])
        return qml.expval(qml.Z("a"))

    assert Circuit.from_pennylane(node, 1) == Circuit(2, (Gate("RX", 1, 0), Gate("CNOT", (1, 0))))


def test_further_wires_may_be_asked_for_and_fewer_may_not():
    assert Circuit.from_pennylane(qnode(two()), 2, n_qubits=4).n_qubits == 4
    with pytest.raises(InvalidArgument, match="at least 2, the QNode's wires"):
        Circuit.from_pennylane(qnode(two()), 2, n_qubits=1)


MODEL = qml.NoiseModel({qml.noise.op_eq(qml.RX): qml.noise.partial_wires(qml.AmplitudeDamping, 0.1)})
MIXED = partial(qml.device, "default.mixed", wires=2)
ZNE = partial(
    qml.noise.mitigate_with_zne,
    scale_factors=[1, 2],
    folding=qml.noise.fold_global,
    extrapolate=qml.noise.richardson_extrapolate,
)
REFUSED = {
    "inserted noise": (
        lambda: qnode(MIXED(), partial(qml.noise.insert, op=qml.DepolarizingChannel, op_args=0.3, position="end")),
        ["DepolarizingChannel", "channels"],
    ),
    "a noise model": (lambda: qnode(MIXED(), partial(qml.noise.add_noise, noise_model=MODEL)), ["AmplitudeDamping"]),
    "noise on the device": (
        lambda: qnode(qml.noise.insert(MIXED(), op=qml.DepolarizingChannel, op_args=0.1)),
        ["device carries the transform 'insert'"],
    ),
    "readout errors": (lambda: qnode(MIXED(readout_prob=0.1)), ["default.mixed is noisy"]),
    "several circuits": (lambda: qnode(two(), ZNE, measure=lambda: qml.expval(qml.Z(0))), ["mitigate_with_zne", "2"]),
    "shots": (lambda: qnode(two(), add_x_with_shots), ["depends on shots", "add_x_with_shots"]),
    "works on results": (lambda: qnode(two(), double), ["double", "results"]),
    "fails": (lambda: qnode(two(), broken), ["broken", "RuntimeError: no such luck"]),
    "a measurement inside": (
        lambda: qnode(two(), function=lambda t: (body(t), qml.measure(0))),
        ["Gate 3", "no measurements"],
    ),
    "some wires": (lambda: qnode(two(), measure=lambda: qml.probs(wires=[1])), ["wires [1]", "Measure all"]),
    "an observable": (lambda: qnode(two(), measure=lambda: qml.probs(op=qml.X(0))), ["observable"]),
    "some wires sampled": (lambda: qnode(two(), measure=lambda: qml.sample(wires=[1])), ["wires [1]", "Measure all"]),
    "some wires counted": (lambda: qnode(two(), measure=lambda: qml.counts(wires=[1])), ["wires [1]", "Measure all"]),
    "some wires' state": (lambda: qnode(two(), measure=lambda: qml.density_matrix([1])), ["wires [1]", "Measure all"]),
    "an observable sampled": (lambda: qnode(two(), measure=lambda: qml.sample(qml.X(0))), ["observable"]),
    "an observable counted": (lambda: qnode(two(), measure=lambda: qml.counts(qml.X(0))), ["observable"]),
    "counted and sampled in two orders": (
        lambda: qnode(two(), measure=lambda: (qml.counts(wires=[0, 1]), qml.sample(wires=[1, 0]))),
        ["two different orders"],
    ),
    "two orders": (
        lambda: qnode(two(), measure=lambda: (qml.probs(wires=[0, 1]), qml.probs(wires=[1, 0]))),
        ["two different orders"],
    ),
    "a wire that the device lacks": (
        lambda: qnode(two(), function=lambda t: (body(t), qml.X(5))),
        ["wires [5]", "[0, 1]"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_circuit_cannot_keep_is_refused_with_the_reason(name):
    make, words = REFUSED[name]
    with pytest.raises(Unsupported) as caught:
        Circuit.from_pennylane(make(), 2)
    for word in words:
        assert word in str(caught.value)


def test_noise_of_an_aer_device_is_refused():
    from qiskit_aer.noise import NoiseModel, depolarizing_error

    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["rx", "ry"])
    with pytest.raises(Unsupported, match=r"qiskit\.aer is noisy"):
        Circuit.from_pennylane(qnode(qml.device("qiskit.aer", wires=2, noise_model=model)), 2)
    circuit = Circuit.from_pennylane(qnode(qml.device("qiskit.aer", wires=2)), 2)
    assert circuit == Circuit.from_pennylane(body, 2)


#: What says nothing on the order of bitstrings: numbers, amplitudes in the device's own order, random bases.
IGNORED = {
    "ClassicalShadowMP": lambda: qml.classical_shadow(wires=[1, 0]),
    "ExpectationMP": lambda: qml.expval(qml.Z(1)),
    "MutualInfoMP": lambda: qml.mutual_info([1], [0]),
    "PurityMP": lambda: qml.purity([1]),
    "ShadowExpvalMP": lambda: qml.shadow_expval(qml.Z(1)),
    "StateMP": qml.state,
    "VarianceMP": lambda: qml.var(qml.Z(1)),
    "VnEntropyMP": lambda: qml.vn_entropy([1]),
}


@pytest.mark.parametrize("name", IGNORED)
def test_what_is_no_distribution_is_ignored(name):
    assert Circuit.from_pennylane(qnode(two(), measure=IGNORED[name]), 2) == Circuit.from_pennylane(body, 2)


def test_every_measurement_of_pennylane_is_looked_at_or_ignored_on_purpose():
    exported = {name for name in dir(qml.measurements) if name.endswith("MP")}
    assert exported == IGNORED.keys() | {"ProbabilityMP", "SampleMP", "CountsMP", "DensityMatrixMP"}
