"""OpenQASM 2: written, read by Qiskit, read back, and hostile."""

import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qhn_core import Circuit, Gate, ansatz, engine, initial_angles
from qhn_core.ansatze import ANSATZE
from qhn_core.errors import InvalidArgument, QHNError, Unsupported

HEAD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'


def by_qiskit(text):
    """q in our order, by Qiskit's own parser and state-vector simulation."""
    from qiskit import qasm2
    from qiskit.quantum_info import Statevector

    program = qasm2.loads(text, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
    program.remove_final_measurements()
    little = Statevector(program).probabilities().reshape((2,) * program.num_qubits)
    return little.transpose().ravel()


def by_engine(circuit, theta=None):
    return engine("statevector").probs(circuit, np.zeros(circuit.n_params) if theta is None else theta)


@pytest.mark.parametrize("name", ANSATZE.names())
def test_written_programs_mean_the_same_to_qiskit_and_to_us(name):
    circuit = ansatz(name, n_qubits=3, layers=1)
    theta = initial_angles(circuit, seed=4)[0]
    for measure in (False, True):
        text = circuit.to_qasm(theta, measure=measure)
        np.testing.assert_allclose(by_qiskit(text), by_engine(circuit, theta), atol=1e-10)
        np.testing.assert_allclose(by_engine(Circuit.from_qasm(text)), by_engine(circuit, theta), atol=1e-10)


def test_strict_parsers_read_it_without_extensions():
    from qiskit import qasm2

    text = Circuit(2, (Gate("IsingZZ", (0, 1), 0),)).to_qasm([1e-17])
    assert qasm2.loads(text, strict=False).num_qubits == 2


def test_angles_keep_every_digit():
    circuit = Circuit(1, (Gate("RX", 0, 0, 2.0, 0.1),))
    again = Circuit.from_qasm(circuit.to_qasm([1.2345678901234567]))
    assert again.gates[0].offset == 2.0 * 1.2345678901234567 + 0.1


STANDARD = """
h q[0]; u3(0.3,0.2,0.1) q[1]; u2(0.4,0.5) q[2]; rx(0.7) q[3]; ry(pi/3) q[0]; x q[1]; y q[2]; z q[3]; s q[0]; sdg q[1];
t q[2]; tdg q[3]; sx q[0]; sxdg q[1]; p(0.3) q[2]; u1(0.4) q[3]; u(0.1,0.2,0.3) q[0]; U(0.3,0.1,0.2) q[1]; id q[2];
cx q[0],q[1]; CX q[1],q[2]; cz q[2],q[3]; cy q[0],q[2]; ch q[1],q[3]; swap q[0],q[3]; crx(0.2) q[0],q[1];
cry(0.3) q[1],q[2]; crz(0.4) q[2],q[3]; cu1(0.5) q[0],q[2]; cp(0.6) q[1],q[3]; cu3(0.1,0.2,0.3) q[0],q[3];
rxx(0.3) q[0],q[1]; rzz(0.4) q[1],q[2]; ccx q[0],q[1],q[2]; cswap q[1],q[2],q[3]; u0(1) q[0]; csx q[0],q[1];
cu(0.1,0.2,0.3,0.4) q[1],q[0]; rccx q[0],q[1],q[2]; rc3x q[0],q[1],q[2],q[3]; c3x q[0],q[1],q[2],q[3];
c3sqrtx q[0],q[1],q[2],q[3]; h q;
"""


@pytest.mark.parametrize("statement", [s.strip() for s in STANDARD.split(";") if s.strip()])
def test_the_standard_library_gate_by_gate(statement):
    mix = "".join(f"ry({0.4 + k}) q[{k}]; rx(0.{k + 2}) q[{k}];" for k in range(4))
    text = f"{HEAD}qreg q[4]; {mix} {statement}; {mix}"
    np.testing.assert_allclose(by_engine(Circuit.from_qasm(text)), by_qiskit(text), atol=1e-10)


def test_own_gates_registers_barriers_and_measurements():
    text = HEAD + (
        "gate mine(a,b) x,y { rx(a/2) x; barrier x,y; cx x,y; ry(-b) y; }\n"
        "qreg a[1]; qreg b[2]; creg c[1]; creg d[2]; // two registers\n"
        "mine(0.3, sin(pi/4)) a[0],b[1]; barrier a; h b; measure a[0] -> c[0]; measure b -> d;"
    )
    circuit = Circuit.from_qasm(text)
    assert circuit.n_qubits == 3
    assert [g.wires for g in circuit.gates[:3]] == [(0,), (0, 2), (2,)]


def test_free_angles():
    text = (
        HEAD + "gate mine(a) x { ry(a) x; s x; }\nqreg q[2]; rx(0.3) q[0]; mine(0.7) q[1]; crz(0.4) q[0],q[1]; x q[0];"
    )
    text += "u3(0.1,0.2,0.3) q[1]; u2(0.5,0.6) q[0];"
    fixed, free = Circuit.from_qasm(text), Circuit.from_qasm(text, free_angles=True)
    assert fixed.n_params == 0
    assert [(g.name, g.offset) for g in free.gates if g.param is not None] == [
        ("RX", 0.3), ("RY", 0.7), ("RZ", 0.3), ("RY", 0.1), ("RZ", 0.2), ("RZ", 0.6), ("RZ", 0.5),
    ]  # fmt: skip
    np.testing.assert_allclose(by_engine(free), by_engine(fixed), atol=1e-12)
    np.testing.assert_allclose(by_engine(free), by_qiskit(text), atol=1e-10)
    moved = text.replace("rx(0.3)", "rx(1.1)")
    theta = np.zeros(7)
    theta[0] = 0.8
    np.testing.assert_allclose(by_engine(free, theta), by_qiskit(moved), atol=1e-10)


BOMB = HEAD + "gate g0 a { h a; }\n" + "".join(f"gate g{k + 1} a {{ g{k} a; g{k} a; }}\n" for k in range(60))


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", InvalidArgument, "qubit"),
        ("OPENQASM 3.0; qubit q;", InvalidArgument, "2.0"),
        (HEAD + "qreg q[2]; foo q[0];", InvalidArgument, "'foo' is not defined"),
        (HEAD + "qreg q[2]; rx(0.1 q[0];", InvalidArgument, "3,"),
        (HEAD + "qreg q[1]; rx(1/0) q[0];", InvalidArgument, "divide by zero"),
        (HEAD + "qreg q[1]; rx(ln(-1)) q[0];", InvalidArgument, "ln"),
        (HEAD + "qreg q[1]; rx(1e999) q[0];", InvalidArgument, ""),
        (HEAD + "qreg q[0];", InvalidArgument, ""),
        (HEAD + "qreg q[1000000000];", InvalidArgument, "registers of at most 64"),
        (HEAD + "qreg // x\n q // y\n [ // z\n 99999999999999999999 ];", InvalidArgument, "registers"),
        (HEAD + "qreg q[1]; creg c[100000];", InvalidArgument, "registers"),
        ('OPENQASM 2.0; include "/etc/passwd"; qreg q[1];', InvalidArgument, "unable to find"),
        ('OPENQASM 2.0; include "../secret.inc"; qreg q[1];', InvalidArgument, "unable to find"),
        (HEAD + "qreg q[1]; rx(" + "(" * 50_000 + "1" + ")" * 50_000 + ") q[0];", InvalidArgument, "statements"),
        (HEAD + "qreg q[1]; rx(" + "-" * 50_000 + "1) q[0];", InvalidArgument, "statements"),
        (HEAD + "qreg q[1]; rx(" + "sin(" * 500 + "1" + ")" * 500 + ") q[0];", InvalidArgument, "brackets"),
        (HEAD + "qreg " * 190_000, InvalidArgument, "registers"),
        (HEAD + "qreg q[2];" * 129, InvalidArgument, "registers"),
        ("x" * 1_000_001, InvalidArgument, "characters"),
        (HEAD + "".join(f"gate g{k} a {{ h a; }}" for k in range(300)) + "qreg q[1];", InvalidArgument, "definitions"),
        (BOMB + "qreg q[1]; g60 q[0];", Unsupported, "100000 gates"),
        (HEAD + "qreg q[64];" + "h q;" * 200_000, Unsupported, "one for each of its qubits"),
        (HEAD + "qreg a[2]; qreg q[62];" + "cx a[0] , q ;" * 2000, Unsupported, "100000 gates"),
        (HEAD + "qreg q[64]; creg c[64];" + "measure q -> c;" * 2000, Unsupported, "100000 gates"),
        (HEAD + "qreg q[64]; creg c[1];" + "if(c==1) x q;" * 2000, Unsupported, "100000 gates"),
        (HEAD + "gate g a { h a; } qreg q[64];" + "g\nq // all\n;" * 2000, Unsupported, "100000 gates"),
        (HEAD + "".join(f"qreg q{k}[64];" for k in range(120)), InvalidArgument, "64 qubits in all, got 7680"),
        (HEAD + "qreg a[33]; qreg b[32];", InvalidArgument, "64 qubits in all, got 65"),
        (HEAD + "qreg q[1];" + "".join(f"creg c{k}[64];" for k in range(5)), InvalidArgument, "bits in all, got 320"),
        (HEAD + "qreg q[1]; reset q[0];", Unsupported, "reset"),
        (HEAD + "qreg q[1]; creg c[1]; if(c==1) x q[0];", Unsupported, "conditions"),
        (HEAD + "qreg q[1]; opaque foo a; foo q[0];", Unsupported, "opaque"),
        (HEAD + "qreg q[1]; creg c[1]; measure q[0]->c[0]; x q[0];", Unsupported, "follows a measurement"),
    ],
)
def test_bad_programs_are_refused_quickly(text, error, words):
    start = time.monotonic()
    with pytest.raises(error) as caught:
        Circuit.from_qasm(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 600
    assert time.monotonic() - start < 5


def test_a_bomb_never_reaches_the_parser(monkeypatch):
    from qiskit import qasm2

    monkeypatch.setattr(qasm2, "loads", lambda *_, **__: pytest.fail("was parsed"))
    for body in ("h q;" * 200_000, "".join(f"qreg q{k}[64];" for k in range(100)), "cx q[0],r;" * 2000):
        with pytest.raises((InvalidArgument, Unsupported)):
            Circuit.from_qasm(f"{HEAD}qreg q[32]; qreg r[32];{body}".replace("h q;", "h r;") + "x r;" * 3000)


def test_what_looks_like_a_whole_register_and_is_none_counts_once():
    gate = "gate mine(q) r { " + "rx(q) r; " * 900 + "}"
    text = f"{HEAD}{gate} qreg q[32]; qreg r[32]; mine(0.1) q [0]; h q; barrier q, r; " + "barrier q;" * 4000
    circuit = Circuit.from_qasm(text)
    assert (circuit.n_qubits, len(circuit.gates)) == (64, 932)
    text = f"{HEAD}qreg q[64]; " + "h q;" * 1562 + "h q[0];" * 32
    assert len(Circuit.from_qasm(text).gates) == 100_000


def test_arguments():
    with pytest.raises(InvalidArgument, match="text"):
        Circuit.from_qasm(b"OPENQASM 2.0;")
    circuit = ansatz("product", n_qubits=2)
    with pytest.raises(InvalidArgument, match="theta"):
        circuit.to_qasm()
    with pytest.raises(InvalidArgument, match="theta"):
        circuit.to_qasm(np.zeros((2, 2)))


TOKENS = [
    "qreg q[2];",
    "h",
    "cx",
    "q[0]",
    "q[1]",
    ",",
    ";",
    "rx(",
    "0.1",
    ")",
    "gate g a {",
    "}",
    "g",
    "//",
    "\n",
    "if",
    "-",
]


@given(st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join) | st.text(max_size=100))
@example("qreg q[2]; h q[0] ; rx( 0.1 ) q[1] ;")
@settings(max_examples=200, deadline=None)
def test_any_text_gives_a_circuit_or_an_error_of_ours(body):
    try:
        circuit = Circuit.from_qasm(HEAD + body)
    except QHNError:
        return
    assert circuit.n_qubits >= 1
