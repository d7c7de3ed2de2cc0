"""Each ansatz against PennyLane, built from the definitions by hand."""

from itertools import combinations

import numpy as np
import pennylane as qml
import pytest

from qhn_core import ansatz, initial_angles
from qhn_core.ansatze import ANSATZE
from qhn_core.errors import InvalidArgument, UnknownName


def product(t, n, layers):
    for i in range(n):
        qml.RY(t[i], i)


def rotations(t, n):
    for i in range(n):
        qml.RY(next(t), i)
        qml.RZ(next(t), i)


def linear(t, n, layers):
    t = iter(t)
    for _ in range(layers):
        rotations(t, n)
        for i in range(n - 1):
            qml.CNOT([i, i + 1])


def ring(t, n, layers):
    t = iter(t)
    for _ in range(layers):
        rotations(t, n)
        for i in range(n):
            if i != (i + 1) % n:
                qml.CZ([i, (i + 1) % n])


def brickwork(t, n, layers):
    t = iter(t)
    for layer in range(layers):
        i = (layer + 1) % 2
        while i + 1 < n:
            qml.CNOT([i, i + 1])
            i += 2
        for i in range(n):
            qml.RY(next(t), i)
        for i in range(n):
            qml.RZ(next(t), i)


def all_to_all(t, n, layers):
    t = iter(t)
    for _ in range(layers):
        rotations(t, n)
        for i, j in combinations(range(n), 2):
            qml.CZ([i, j])


def strongly_entangling(t, n, layers):
    qml.StronglyEntanglingLayers(np.reshape(t, (layers, n, 3)), wires=range(n))


def basic_entangler(t, n, layers):
    qml.BasicEntanglerLayers(np.reshape(t, (layers, n)), wires=range(n), rotation=qml.RY)


def iqp(t, n, layers):
    t = iter(t)
    for i in range(n):
        qml.Hadamard(i)
    for _ in range(layers):
        for i in range(n):
            qml.RZ(next(t), i)
        for i, j in combinations(range(n), 2):
            qml.IsingZZ(next(t), [i, j])
        for i in range(n):
            qml.Hadamard(i)


TWINS = {
    f.__name__: f for f in (product, linear, ring, brickwork, all_to_all, strongly_entangling, basic_entangler, iqp)
}
COUNTS = {
    "product": lambda n, layers: n,
    "linear": lambda n, layers: 2 * n * layers,
    "ring": lambda n, layers: 2 * n * layers,
    "brickwork": lambda n, layers: 2 * n * layers,
    "all_to_all": lambda n, layers: 2 * n * layers,
    "strongly_entangling": lambda n, layers: 3 * n * layers,
    "basic_entangler": lambda n, layers: n * layers,
    "iqp": lambda n, layers: layers * n * (n + 1) // 2,
}


def probabilities(n, build):
    @qml.qnode(qml.device("default.qubit", wires=n))
    def run():
        build()
        return qml.probs(wires=range(n))

    return run()


def test_the_eight_are_registered():
    assert set(TWINS) <= set(ANSATZE.names())


@pytest.mark.parametrize("hadamard", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", sorted(TWINS))
def test_parity_with_pennylane(name, n, hadamard):
    if name == "iqp" and hadamard:
        with pytest.raises(InvalidArgument, match="hadamard"):
            ansatz(name, n_qubits=n, hadamard=True)
        return
    for layers in (1,) if name == "product" else (1, 2, 3, 5):
        circuit = ansatz(name, n_qubits=n, layers=layers, hadamard=hadamard)
        assert circuit.n_params == COUNTS[name](n, layers)
        assert circuit.name == name
        theta = np.random.default_rng(100 * n + layers).uniform(0, 2 * np.pi, circuit.n_params)

        def build(theta=theta, layers=layers):
            if hadamard:
                for i in range(n):
                    qml.Hadamard(i)
            TWINS[name](theta, n, layers)

        ours = probabilities(n, lambda circuit=circuit, theta=theta: circuit.apply(theta))
        np.testing.assert_allclose(ours, probabilities(n, build), atol=1e-10)


def test_product_is_one_layer():
    with pytest.raises(InvalidArgument, match="linear"):
        ansatz("product", n_qubits=3, layers=2)


@pytest.mark.parametrize("options", [{"layers": 0}, {"layers": 65}, {"layer": 2}, {"init": "zeros"}, {"scale": 0.0}])
def test_options_out_of_bounds(options):
    with pytest.raises(InvalidArgument):
        ansatz("linear", n_qubits=3, **options)


def test_bad_sizes_and_names():
    with pytest.raises(InvalidArgument, match="n_qubits"):
        ansatz("linear", n_qubits=0)
    with pytest.raises(InvalidArgument, match="n_qubits"):
        ansatz("linear", n_qubits="3")
    with pytest.raises(UnknownName, match="brickwork"):
        ansatz("brickwrk", n_qubits=3)


class TestInitialAngles:
    circuit = ansatz("linear", n_qubits=4, layers=50)

    def test_a_replica_depends_on_seed_and_its_number_only(self):
        few, many = (initial_angles(self.circuit, replicas=b, seed=7) for b in (2, 9))
        np.testing.assert_array_equal(few, many[:2])
        assert len({row.tobytes() for row in many}) == 9
        assert not np.array_equal(few, initial_angles(self.circuit, replicas=2, seed=8))

    def test_uniform_covers_the_circle(self):
        theta = initial_angles(self.circuit, replicas=100, seed=1)
        assert theta.shape == (100, 400)
        assert theta.min() >= 0.0
        assert theta.max() < 2 * np.pi
        # 40 000 draws: the mean is within 5 standard errors (2π/√12/√40000 = 0.009); error rate 6e-7
        assert abs(theta.mean() - np.pi) < 5 * 0.0091

    def test_normal_has_its_scale(self):
        theta = initial_angles(self.circuit, replicas=100, seed=1, kind="normal", scale=0.25)
        # standard error of the standard deviation: 0.25/√80000 = 0.0009
        assert abs(theta.std() - 0.25) < 5 * 0.0009
        assert abs(theta.mean()) < 5 * 0.00125

    @pytest.mark.parametrize(
        "options", [{"replicas": 0}, {"seed": -1}, {"kind": "zeros"}, {"kind": "normal", "scale": 0.0}]
    )
    def test_refusals(self, options):
        with pytest.raises(InvalidArgument):
            initial_angles(self.circuit, **options)
