"""Every operation and template that PennyLane exports, once: read as default.qubit has it, or refused by its name."""

import numpy as np
import pennylane as qml
import pytest

from qhn_core import Circuit, engine
from qhn_core.errors import QHNError

N = 7
W = list(range(N))
RNG = np.random.default_rng(3)
STATE = np.arange(1, 9) / np.linalg.norm(np.arange(1, 9))
ANGLES = RNG.uniform(0, 6, 64)
UNITARY = np.linalg.qr(RNG.normal(size=(4, 4)) + 1j * RNG.normal(size=(4, 4)))[0]
COEFFICIENTS, WORDS = [0.3, 0.4, 0.3], [qml.X(0) @ qml.Z(1), qml.Y(1), qml.Z(0)]
SUM = qml.dot(COEFFICIENTS, WORDS)
MPS_SITES = [np.array([[1.0, 0], [0, 1.0]]) / np.sqrt(2), np.array([[[1.0, 0], [0, 0]], [[0, 0], [0, 1.0]]])]
MPS_SITES.append(np.array([[1.0, 0], [0, 1.0]]))


def block(weights, wires):
    qml.RX(weights[0], wires[0])
    qml.CNOT(wires)


def plain_block(wires):
    qml.SX(wires[0])
    qml.CNOT(wires)


def first_order(time, angle, wires, flip):
    qml.RX(time * angle, wires[0])
    if flip:
        qml.CNOT(wires[:2])


def acquaintance(index, wires, param=None, **_):
    return qml.CRX(param, wires) if param is not None else qml.CZ(wires)


def angles(*shape):
    return ANGLES[: int(np.prod(shape))].reshape(shape)


def fixed(name, size):
    return lambda: getattr(qml, name)(wires=W[:size])


def turning(name, size, count=1):
    return lambda: getattr(qml, name)(*ANGLES[:count], wires=W[:size])


GATES = {
    **{
        name: fixed(name, 1) for name in ("H", "Hadamard", "I", "Identity", "X", "Y", "Z", "PauliX", "PauliY", "PauliZ")
    },
    **{name: fixed(name, 1) for name in ("S", "T", "SX", "Barrier")},
    **{name: fixed(name, 2) for name in ("CNOT", "CZ", "CY", "CH", "SWAP", "ISWAP", "SISWAP", "SQISW", "ECR")},
    **{name: fixed(name, 3) for name in ("Toffoli", "CSWAP", "CCZ", "Elbow", "TemporaryAND", "QubitSum")},
    **{name: turning(name, 1) for name in ("RX", "RY", "RZ", "PhaseShift", "U1", "GlobalPhase")},
    "U2": turning("U2", 1, 2),
    **{name: turning(name, 1, 3) for name in ("U3", "Rot")},
    **{name: turning(name, 2) for name in ("IsingXX", "IsingYY", "IsingZZ", "IsingXY", "PSWAP", "CRX", "CRY", "CRZ")},
    **{name: turning(name, 2) for name in ("CPhase", "ControlledPhaseShift", "CPhaseShift00", "CPhaseShift01")},
    **{name: turning(name, 2) for name in ("CPhaseShift10", "SingleExcitation", "SingleExcitationPlus")},
    **{name: turning(name, 2) for name in ("SingleExcitationMinus", "FermionicSWAP")},
    **{name: turning(name, 4) for name in ("DoubleExcitation", "DoubleExcitationPlus", "DoubleExcitationMinus")},
    "OrbitalRotation": turning("OrbitalRotation", 4),
    "CRot": turning("CRot", 2, 3),
    "MultiRZ": turning("MultiRZ", 3),
    "MultiControlledX": lambda: qml.MultiControlledX(W[:5], control_values=[1, 0, 1, 1]),
    "PauliRot": lambda: qml.PauliRot(0.7, "XYZ", W[:3]),
    "PCPhase": lambda: qml.PCPhase(0.7, 3, W[:2]),
    "Permute": lambda: qml.Permute([2, 0, 1], W[:3]),
    "QubitCarry": fixed("QubitCarry", 4),
    "IntegerComparator": lambda: qml.IntegerComparator(3, wires=W[:4]),
    "QubitUnitary": lambda: qml.QubitUnitary(UNITARY, W[:2]),
    "ControlledQubitUnitary": lambda: qml.ControlledQubitUnitary(UNITARY, W[:4], control_values=[0, 1]),
    "DiagonalQubitUnitary": lambda: qml.DiagonalQubitUnitary(np.exp(1j * ANGLES[:4]), W[:2]),
    "SpecialUnitary": lambda: qml.SpecialUnitary(ANGLES[:15], W[:2]),
    "BlockEncode": lambda: qml.BlockEncode(np.array([[0.1, 0.2], [0.3, 0.4]]), W[:2]),
    "Snapshot": lambda: qml.Snapshot(),
    "WireCut": fixed("WireCut", 1),
}
TEMPLATES = {
    "AQFT": lambda: qml.AQFT(1, W[:4]),
    "QFT": fixed("QFT", 4),
    "Adder": lambda: qml.Adder(3, W[:3]),
    "PhaseAdder": lambda: qml.PhaseAdder(3, W[:3]),
    "Multiplier": lambda: qml.Multiplier(3, W[:2], work_wires=W[2:4]),
    "ModExp": lambda: qml.ModExp(W[:2], W[2:4], 3, work_wires=W[4:6]),
    "OutAdder": lambda: qml.OutAdder(W[:2], W[2:4], W[4:6]),
    "OutMultiplier": lambda: qml.OutMultiplier(W[:2], W[2:4], W[4:6]),
    "OutPoly": lambda: qml.OutPoly(lambda x, y: x + y, input_registers=[W[:2], W[2:4]], output_wires=W[4:6]),
    "SemiAdder": lambda: qml.SemiAdder(W[:2], W[2:4], W[4:5]),
    "AllSinglesDoubles": lambda: qml.AllSinglesDoubles([0.3, 0.4], W[:4], np.array([1, 1, 0, 0]), [[0, 2], [1, 3]], []),
    "AmplitudeAmplification": lambda: qml.AmplitudeAmplification(qml.prod(qml.H(0), qml.H(1)), qml.FlipSign(2, W[:2])),
    "AngleEmbedding": lambda: qml.AngleEmbedding(ANGLES[:4], W[:4]),
    "ApproxTimeEvolution": lambda: qml.ApproxTimeEvolution(SUM, 0.7, 2),
    "ArbitraryStatePreparation": lambda: qml.ArbitraryStatePreparation(ANGLES[:14], W[:3]),
    "ArbitraryUnitary": lambda: qml.ArbitraryUnitary(ANGLES[:15], W[:2]),
    "BBQRAM": lambda: qml.BBQRAM(["1", "0"], W[:1], W[1:2], W[2:6]),
    "HybridQRAM": lambda: qml.HybridQRAM(["1", "0", "1", "1"], W[:2], W[2:3], [*W[3:], 7], k=1),
    "SelectOnlyQRAM": lambda: qml.SelectOnlyQRAM(["1", "0", "1", "1"], W[:2], W[2:3]),
    "BasicEntanglerLayers": lambda: qml.BasicEntanglerLayers(angles(2, 4), W[:4]),
    "BasisRotation": lambda: qml.BasisRotation(W[:4], UNITARY),
    "CommutingEvolution": lambda: qml.CommutingEvolution(qml.X(0) @ qml.X(1) + qml.Z(2), 0.7),
    "ControlledSequence": lambda: qml.ControlledSequence(qml.SX(0), W[1:4]),
    "FABLE": lambda: qml.FABLE(np.array([[0.1, 0.2], [0.3, 0.4]]), W[:3]),
    "FermionicSingleExcitation": lambda: qml.FermionicSingleExcitation(0.7, W[:3]),
    "FermionicDoubleExcitation": lambda: qml.FermionicDoubleExcitation(0.7, W[:2], W[2:4]),
    "FlipSign": lambda: qml.FlipSign(3, W[:3]),
    "GQSP": lambda: qml.GQSP(qml.RX(0.3, 0), np.ones((3, 3)), control=1),
    "GateFabric": lambda: qml.GateFabric(angles(1, 1, 2), W[:4], [1, 1, 0, 0]),
    "GroverOperator": fixed("GroverOperator", 4),
    "HilbertSchmidt": lambda: qml.HilbertSchmidt(qml.RZ(0.3, 1), qml.H(0)),
    "LocalHilbertSchmidt": lambda: qml.LocalHilbertSchmidt(qml.CZ([2, 3]), qml.CZ([0, 1])),
    "IQP": lambda: qml.IQP([0.3, 0.4], 3, [[[0]], [[0, 1]]]),
    "IQPEmbedding": lambda: qml.IQPEmbedding(ANGLES[:4], W[:4], n_repeats=2),
    "MERA": lambda: qml.MERA(W[:4], 2, block, 1, angles(5, 1)),
    "MPS": lambda: qml.MPS(W[:4], 2, block, 1, angles(3, 1)),
    "TTN": lambda: qml.TTN(W[:4], 2, block, 1, angles(3, 1)),
    "ParticleConservingU1": lambda: qml.ParticleConservingU1(angles(1, 3, 2), W[:4], init_state=[1, 1, 0, 0]),
    "ParticleConservingU2": lambda: qml.ParticleConservingU2(angles(1, 7), W[:4], init_state=[1, 1, 0, 0]),
    "PrepSelPrep": lambda: qml.PrepSelPrep(SUM, control=W[2:4]),
    "QAOAEmbedding": lambda: qml.QAOAEmbedding(ANGLES[:3], angles(2, 6), W[:3]),
    "QDrift": lambda: qml.QDrift(SUM, 0.7, n=3, seed=4),
    "QROM": lambda: qml.QROM(["01", "11", "10", "00"], W[:2], W[2:4], W[4:6]),
    "QSVT": lambda: qml.QSVT(
        qml.BlockEncode(np.array([[0.1, 0.2], [0.3, 0.4]]), W[:2]),
        [qml.PCPhase(0.2, 2, W[:2]), qml.PCPhase(0.3, 2, W[:2])],
    ),
    "QuantumMonteCarlo": lambda: qml.QuantumMonteCarlo(
        np.array([0.25, 0.25, 0.25, 0.25]), lambda i: np.sin(i) ** 2, target_wires=W[:3], estimation_wires=W[3:5]
    ),
    "QuantumPhaseEstimation": lambda: qml.QuantumPhaseEstimation(qml.SX(0), estimation_wires=W[1:4]),
    "Qubitization": lambda: qml.Qubitization(SUM, control=W[2:4]),
    "RandomLayers": lambda: qml.RandomLayers(angles(2, 3), W[:4], seed=3),
    "Reflection": lambda: qml.Reflection(qml.prod(qml.H(0), qml.SX(1)), 0.7),
    "Select": lambda: qml.Select([qml.SX(2), qml.Y(2), qml.T(2)], control=W[:2]),
    "SelectPauliRot": lambda: qml.SelectPauliRot(ANGLES[:4], W[:2], 2, rot_axis="Y"),
    "SimplifiedTwoDesign": lambda: qml.SimplifiedTwoDesign(ANGLES[:4], angles(2, 3, 2), W[:4]),
    "StronglyEntanglingLayers": lambda: qml.StronglyEntanglingLayers(angles(2, 4, 3), W[:4]),
    "TrotterProduct": lambda: qml.TrotterProduct(SUM, 0.7, n=2, order=2),
    "TrotterizedQfunc": lambda: qml.TrotterizedQfunc(0.7, 0.3, qfunc=first_order, n=2, wires=W[:2], flip=True),
    "TwoLocalSwapNetwork": lambda: qml.TwoLocalSwapNetwork(W[:4], acquaintance, ANGLES[:6]),
    "UCCSD": lambda: qml.UCCSD([0.3], W[:4], s_wires=[[0, 1, 2]], d_wires=[], init_state=np.array([1, 1, 0, 0])),
    "kUpCCGSD": lambda: qml.kUpCCGSD(angles(1, 6), W[:4], k=1, delta_sz=0, init_state=np.array([1, 1, 0, 0])),
}
#: What is for the beginning only, in |0…0⟩.
PREPARATIONS = {
    "AmplitudeEmbedding": lambda: qml.AmplitudeEmbedding(STATE, W[:3]),
    "BasisEmbedding": lambda: qml.BasisEmbedding([1, 0, 1], W[:3]),
    "BasisState": lambda: qml.BasisState([1, 0, 1], W[:3]),
    "CosineWindow": fixed("CosineWindow", 3),
    "MPSPrep": lambda: qml.MPSPrep(MPS_SITES, W[:3], work_wires=W[3:5]),
    "MottonenStatePreparation": lambda: qml.MottonenStatePreparation(STATE, W[:3]),
    "MultiplexerStatePreparation": lambda: qml.MultiplexerStatePreparation(STATE, W[:3]),
    "QROMStatePreparation": lambda: qml.QROMStatePreparation(STATE[:2] / np.linalg.norm(STATE[:2]), W[:1], W[1:4]),
    "StatePrep": lambda: qml.StatePrep(STATE, W[:3]),
    "Superposition": lambda: qml.Superposition([0.6, 0.8], [[0, 1], [1, 1]], W[:2], 2),
}
REFUSED = {
    **{name: (lambda name=name: getattr(qml, name)(0.1, 0)) for name in ("AmplitudeDamping", "BitFlip", "PhaseFlip")},
    **{name: (lambda name=name: getattr(qml, name)(0.1, 0)) for name in ("DepolarizingChannel", "PhaseDamping")},
    "GeneralizedAmplitudeDamping": lambda: qml.GeneralizedAmplitudeDamping(0.1, 0.2, 0),
    "PauliError": lambda: qml.PauliError("X", 0.1, 0),
    "QubitChannel": lambda: qml.QubitChannel([np.eye(2)], 0),
    "ResetError": lambda: qml.ResetError(0.1, 0.2, 0),
    "ThermalRelaxationError": lambda: qml.ThermalRelaxationError(0.1, 1.0, 1.0, 0.1, 0),
    "QubitDensityMatrix": lambda: qml.QubitDensityMatrix(np.eye(2) / 2, wires=0),
    # PennyLane prepares this one on its own devices only.
    "SumOfSlatersPrep": lambda: qml.SumOfSlatersPrep([0.6, 0.8], W[:3], [1, 6]),
    # Qutrits.
    **{name: (lambda name=name: getattr(qml, name)(wires=0)) for name in ("TShift", "TClock", "THadamard")},
    **{name: (lambda name=name: getattr(qml, name)(wires=[0, 1])) for name in ("TAdd", "TSWAP")},
    **{name: (lambda name=name: getattr(qml, name)(0.1, 0)) for name in ("TRX", "TRY", "TRZ")},
    "QutritUnitary": lambda: qml.QutritUnitary(np.eye(3), wires=0),
    "ControlledQutritUnitary": lambda: qml.ControlledQutritUnitary(np.eye(3), control_wires=[1], wires=0),
    "QutritBasisState": lambda: qml.QutritBasisState([1], wires=[0]),
    "QutritBasisStatePreparation": lambda: qml.QutritBasisStatePreparation([1], wires=[0]),
    "QutritChannel": lambda: qml.QutritChannel([np.eye(3)], 0),
    "QutritAmplitudeDamping": lambda: qml.QutritAmplitudeDamping(0.1, 0.1, 0.1, 0),
    "QutritDepolarizingChannel": lambda: qml.QutritDepolarizingChannel(0.1, 0),
    "TritFlip": lambda: qml.TritFlip(0.1, 0.1, 0.1, 0),
    # Light.
    **{
        name: (lambda name=name: getattr(qml, name)(0.1, 0))
        for name in ("CubicPhase", "Kerr", "QuadraticPhase", "Rotation", "ThermalState")
    },
    **{name: (lambda name=name: getattr(qml, name)(0.1, 0.2, 0)) for name in ("CoherentState", "Displacement")},
    **{name: (lambda name=name: getattr(qml, name)(0.1, 0.2, 0)) for name in ("SqueezedState", "Squeezing")},
    **{name: (lambda name=name: getattr(qml, name)(0.1, 0.2, [0, 1])) for name in ("Beamsplitter", "TwoModeSqueezing")},
    **{
        name: (lambda name=name: getattr(qml, name)(0.1, [0, 1]))
        for name in ("ControlledAddition", "ControlledPhase", "CrossKerr")
    },
    "CatState": lambda: qml.CatState(0.1, 0.2, 0.0, 0),
    "DisplacedSqueezedState": lambda: qml.DisplacedSqueezedState(0.1, 0.2, 0.1, 0.2, 0),
    "DisplacementEmbedding": lambda: qml.DisplacementEmbedding([0.1, 0.2], [0, 1]),
    "SqueezingEmbedding": lambda: qml.SqueezingEmbedding([0.1, 0.2], [0, 1]),
    "FockDensityMatrix": lambda: qml.FockDensityMatrix(np.eye(2) / 2, 0),
    "FockState": lambda: qml.FockState(1, 0),
    "FockStateVector": lambda: qml.FockStateVector([1.0, 0.0], 0),
    "GaussianState": lambda: qml.GaussianState(np.eye(2), [0.0, 0.0], 0),
    "Interferometer": lambda: qml.Interferometer([0.1], [0.2], [0.3, 0.4], [0, 1]),
    "InterferometerUnitary": lambda: qml.InterferometerUnitary(np.eye(2), [0, 1]),
    "CVNeuralNetLayers": lambda: qml.CVNeuralNetLayers(
        *[angles(1, k) for k in (1, 1, 2, 2, 2, 1, 1, 2, 2, 2, 2)], [0, 1]
    ),
}
#: Observables, which PennyLane does not record as operations, and one whose package is not among the requirements.
NO_OPERATIONS = {
    *(
        "FockStateProjector",
        "GellMann",
        "Hamiltonian",
        "Hermitian",
        "NumberOperator",
        "PolyXP",
        "Projector",
        "QuadOperator",
    ),
    *("QuadP", "QuadX", "SparseHamiltonian", "TensorN", "THermitian", "FromBloq"),
}
READ = GATES | TEMPLATES | PREPARATIONS


def mixed(theta):
    for wire in W:
        qml.RY(0.4 + 0.3 * wire, wire)
        qml.RX(theta[0] + wire, wire)


def test_the_lists_are_what_pennylane_exports():
    exported = {
        name
        for name in dir(qml)
        if isinstance(getattr(qml, name), type) and issubclass(getattr(qml, name), qml.operation.Operator)
    }
    assert exported == READ.keys() | REFUSED.keys() | NO_OPERATIONS


@pytest.mark.parametrize("name", sorted(READ))
def test_what_is_read_is_read_right(name):
    def function(theta):
        if name not in PREPARATIONS:
            mixed(theta)
        READ[name]()
        mixed(theta)

    circuit = Circuit.from_pennylane(function, 1, n_qubits=8 if name == "HybridQRAM" else N)

    @qml.qnode(qml.device("default.qubit", wires=circuit.n_qubits))
    def right(theta):
        function(theta)
        return qml.probs(wires=range(circuit.n_qubits))

    theta = np.array([0.7])
    np.testing.assert_allclose(engine("statevector").probs(circuit, theta), right(theta), atol=1e-9)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_refused_is_refused_by_its_name(name):
    with pytest.raises(QHNError, match=name):
        Circuit.from_pennylane(lambda _: REFUSED[name](), 0)
