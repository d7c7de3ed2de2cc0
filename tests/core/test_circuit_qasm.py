"""OpenQASM 2: written, read by Qiskit, read back, and hostile."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qhn_core import Circuit, Gate, ansatz, engine, initial_angles
from qhn_core.ansatze import ANSATZE
from qhn_core.circuits.phased import PHASE
from qhn_core.circuits.qasm import WrittenAngle, read_qasm, reader
from qhn_core.circuits.qasm.library import LIBRARY
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


def test_some_angles_are_free():
    text = HEAD + "qreg q[2]; rx(0.3) q; ry(0.5) q[1]; rz(0.7) q[0];"
    some = Circuit.from_qasm(text, free_angles=[3, 1])
    assert [(g.name, g.param) for g in some.gates] == [("RX", None), ("RX", 0), ("RY", None), ("RZ", 1)]
    assert some.n_params == 2
    assert Circuit.from_qasm(text, free_angles=[]).n_params == 0
    assert Circuit.from_qasm(text, free_angles=np.array([3, 1])) == some
    assert Circuit.from_qasm(text, free_angles=np.True_) == Circuit.from_qasm(text, free_angles=True)
    assert Circuit.from_qasm(text, free_angles=np.False_) == Circuit.from_qasm(text)
    for wrong in (5, None, 1.0, np.array(0), "0", [0.0], [True], [None]):
        with pytest.raises(InvalidArgument, match=r"free_angles: expected .*4 angles"):
            Circuit.from_qasm(text, free_angles=wrong)
    with pytest.raises(InvalidArgument, match=r"free_angles.*4 angles"):
        Circuit.from_qasm(text, free_angles=[4])
    program = read_qasm(text.replace("ry", "\n\nry"), free_angles=True)
    assert program.angles[2] == WrittenAngle(5, "ry", (1,), 0.5)


OWN = {
    "cry of twice the angle": (
        "gate cry(t) a,b { ry(t) b; cx a,b; ry(-t) b; cx a,b; } qreg q[2]; x q[0]; cry(pi/3) q[0],q[1];",
        [0, 0, 0.25, 0.75],
    ),
    "before the library is included": ("gate h a { U(pi/3,0,0) a; } INCLUDE qreg q[1]; h q;", [0.75, 0.25]),
    "of the basic library": ("gate x a { ry(pi/3) a; } qreg q[1]; x q[0];", [0.75, 0.25]),
    "used by later definitions only": (
        "gate two a { x a; } gate x a { ry(pi/3) a; } gate one a { x a; } qreg q[2]; two q[0]; one q[1];",
        [0, 0, 0.75, 0.25],
    ),
    "sx without parameters beats the library's": ("gate sx a { h a; } qreg q[1]; sx q[0]; h q[0];", [1, 0]),
    "two-qubit name on one qubit": ("gate cx a { ry(pi/3) a; } qreg q[1]; cx q[0];", [0.75, 0.25]),
}


@pytest.mark.parametrize("name", OWN)
def test_a_definition_in_the_text_goes_before_the_librarys(name):
    body, right = OWN[name]
    head = "OPENQASM 2.0;\n" if "INCLUDE" in body else HEAD
    body = body.replace("INCLUDE", 'include "qelib1.inc";')
    np.testing.assert_allclose(by_engine(Circuit.from_qasm(head + body)), right, atol=1e-12)


IDENTITIES = {
    "reset of an untouched qubit": "qreg q[2]; reset q[0]; ry(0.3) q[0]; cx q[0],q[1];",
    "reset after what changes nothing": "qreg q[2]; id q; delay(3) q[0]; reset q; ry(0.3) q[0]; cx q[0],q[1];",
    "delay, declared": "opaque delay(t) a; qreg q[2]; ry(0.3) q[0]; delay(100) q[0]; cx q[0],q[1];",
    "opaque, not used": "opaque magic a,b; qreg q[2]; ry(0.3) q[0]; cx q[0],q[1];",
    "an own gate that does nothing": "gate nop a {} qreg q[2]; nop q; reset q; ry(0.3) q[0]; cx q[0],q[1]; nop q[1];",
    "measured, then left alone": "qreg q[2]; creg c[2]; ry(0.3) q[0]; cx q[0],q[1]; measure q -> c; id q;",
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_what_changes_nothing_is_read(name):
    bell = Circuit(2, (Gate("RY", 0, None, offset=0.3), Gate("CNOT", (0, 1))))
    assert Circuit.from_qasm(HEAD + IDENTITIES[name]) == bell


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-2^2", -4.0), ("2^3^2", 512.0), ("2^-1", 0.5), ("-1-1", -2.0), ("8/4/2", 1.0), ("1+2*3", 7.0),
        ("-(1+2)*3", -9.0),
        ("+.5", 0.5), ("1e-3", 1e-3), ("2.", 2.0), ("sin(pi/6)*2", 1.0), ("ln(exp(1.5))", 1.5), ("sqrt(2)^2", 2.0),
        ("tan(pi/4)+cos(0)", 2.0), ("acos(1)+asin(0)+atan(0)", 0.0), ("--1", 1.0), ("2*-3", -6.0), ("3-2-1", 0.0),
    ],
)  # fmt: skip
def test_arithmetic(text, value):
    circuit = Circuit.from_qasm(f"{HEAD}qreg q[1]; rx({text}) q[0];")
    assert circuit.gates[0].offset == pytest.approx(value, abs=1e-12)
    within = Circuit.from_qasm(f"{HEAD}gate g(a) x {{ rx(0*a+{text}) x; }} qreg q[1]; g(1) q[0];")
    assert within.gates[0].offset == pytest.approx(value, abs=1e-12)


def doubling(first, count=60):
    return f"{HEAD}gate g0 a {{ {first} }}\n" + "".join(
        f"gate g{k + 1} a {{ g{k} a; g{k} a; }}\n" for k in range(count)
    )


LINE3 = "in line 3"
BAD = [
    ("", InvalidArgument, ["at least one qubit"]),
    ("OPENQASM 3.0; qubit q;", InvalidArgument, ["line 1", "2.0"]),
    ("qreg q[1]; OPENQASM 2.0;", InvalidArgument, ["line 1"]),
    (HEAD + "qreg q[2]; foo q[0];", InvalidArgument, [LINE3, "'foo', which is not", "Define it"]),
    ("OPENQASM 2.0; qreg q[1];\nh q;", InvalidArgument, ["line 2", "'h'", "include"]),
    (HEAD + "qreg q[2]; rx(0.1 q[0];", InvalidArgument, [LINE3, "')'", "got q"]),
    (HEAD + "qreg q[2]; rx q[0];", InvalidArgument, [LINE3, "1 angle for rx, got 0"]),
    (HEAD + "qreg q[2]; rx() q[0];", InvalidArgument, ["1 angle for rx, got 0"]),
    (HEAD + "qreg q[2]; h(0.1) q[0];", InvalidArgument, ["0 angles for h, got 1"]),
    (HEAD + "qreg q[2];\nu3(0.1,0.2) q[0];", InvalidArgument, ["line 4", "3 angles for u3, got 2"]),
    (HEAD + "qreg q[2]; cx q[0];", InvalidArgument, ["2 qubits for cx, got 1"]),
    (HEAD + "qreg q[2]; cx q[0],q[0];", InvalidArgument, ["distinct qubits for cx"]),
    (HEAD + "qreg q[2]; cx q,q;", InvalidArgument, ["distinct qubits for cx"]),
    (HEAD + "qreg q[2]; qreg r[3]; cx q,r;", InvalidArgument, ["registers of one size, got 2 and 3"]),
    (HEAD + "qreg q[1]; qreg r[2]; x q; cx q,r;", InvalidArgument, ["registers of one size, got 1 and 2"]),
    (HEAD + "qreg q[1]; qreg r[2]; ccx r[0],q,r;", InvalidArgument, ["registers of one size, got 1 and 2"]),
    (HEAD + "qreg q[2]; h q[2];", InvalidArgument, ["an index below 2"]),
    (HEAD + "qreg q[2]; h r;", InvalidArgument, ["quantum register that is declared", "'r'"]),
    (HEAD + "qreg q[2]; creg c[2]; h c;", InvalidArgument, ["quantum register", "'c'"]),
    (HEAD + "qreg q[2]; creg q[2];", InvalidArgument, ["'q', which is taken"]),
    (HEAD + "gate g a { h a; } gate g a { x a; }", InvalidArgument, ["'g', which is taken"]),
    (HEAD + "gate CX a,b { h a; }", InvalidArgument, ["'CX', which is taken"]),
    (HEAD + "gate g(a,a) x { h x; }", InvalidArgument, ["'a', which is taken"]),
    (HEAD + "gate g a { h b; }", InvalidArgument, ["distinct qubits of a", "'b'"]),
    (HEAD + "gate rx(t) a { rx(t) a; }", InvalidArgument, ["'rx' inside itself"]),
    (HEAD + "gate g a { measure a; }", InvalidArgument, ["gates only, inside a gate"]),
    (HEAD + "gate g a { h a;", InvalidArgument, ["the end"]),
    (HEAD + "qreg q[1]; rx(1/0) q[0];", InvalidArgument, [LINE3, "1 / 0, a division by zero"]),
    (HEAD + "qreg q[1]; rx(0^-1) q[0];", InvalidArgument, [LINE3, "0 ^ -1"]),
    (HEAD + "qreg q[1]; rx(ln(-1)) q[0];", InvalidArgument, [LINE3, "ln(-1), which is no real number"]),
    (HEAD + "qreg q[1]; rx(sqrt(-1)) q[0];", InvalidArgument, ["sqrt(-1)"]),
    (HEAD + "qreg q[1]; rx((-8)^(1/3)) q[0];", InvalidArgument, ["no real number"]),
    (HEAD + "qreg q[1]; rx(asin(2)) q[0];", InvalidArgument, ["asin(2)"]),
    (HEAD + "qreg q[1]; rx(exp(1000)) q[0];", InvalidArgument, ["exp(1000), which is too large"]),
    (HEAD + "qreg q[1]; rx(10^400) q[0];", InvalidArgument, ["10 ^ 400, which is too large"]),
    (HEAD + "qreg q[1]; rx(1e308*10) q[0];", InvalidArgument, ["too large"]),
    (HEAD + "qreg q[1]; rx(1e999) q[0];", InvalidArgument, ["too large"]),
    (HEAD + "qreg q[1]; rx(" + "9" * 5000 + ") q[0];", InvalidArgument, ["too large"]),
    (HEAD + "gate g(a) x {\n rx(1/a) x; }\nqreg q[1];\ng(0) q[0];", InvalidArgument, ["line 4", "1 / 0"]),
    (HEAD + "gate g(a) x {\n rx(sqrt(a)) x; }\nqreg q[1];\ng(-1) q[0];", InvalidArgument, ["line 4", "sqrt(-1)"]),
    (HEAD + "qreg q[1]; rx(b) q[0];", InvalidArgument, [LINE3, "an angle, got 'b'"]),
    (HEAD + "qreg q[1]; rx(0.1 0.2) q[0];", InvalidArgument, ["0.2"]),
    (HEAD + "qreg q[0];", InvalidArgument, ["registers of 1 to 64 qubits"]),
    (HEAD + "qreg q[1000000000];", InvalidArgument, ["registers of 1 to 64 qubits"]),
    (HEAD + "qreg // x\n q // y\n [ // z\n 99999999999999999999 ];", InvalidArgument, ["line 6", "registers"]),
    (HEAD + "qreg q[1]; creg c[100000];", InvalidArgument, ["registers of 1 to 256 classical bits"]),
    ('OPENQASM 2.0; include "/etc/passwd"; qreg q[1];', InvalidArgument, ["qelib1.inc", "No other file is read"]),
    ('OPENQASM 2.0; include "../secret.inc"; qreg q[1];', InvalidArgument, ["No other file is read"]),
    (HEAD + "qreg q[1]; rx(" + "(" * 50_000 + "1" + ")" * 50_000 + ") q[0];", InvalidArgument, ["64 deep"]),
    (HEAD + "qreg q[1]; rx(" + "-" * 3_900 + "1) q[0];", InvalidArgument, ["64 deep"]),
    (HEAD + "qreg q[1]; rx(" + "1^" * 50_000 + "1) q[0];", InvalidArgument, ["64 deep"]),
    (HEAD + "qreg q[1]; rx(" + "sin(" * 500 + "1" + ")" * 500 + ") q[0];", InvalidArgument, ["64 deep"]),
    (HEAD + "qreg " * 190_000, InvalidArgument, ["a new name for a register", "qreg"]),
    (HEAD + "".join(f"creg c{k}[1];" for k in range(129)), InvalidArgument, ["at most 128 registers"]),
    ("x" * 1_000_001, InvalidArgument, ["at most 1000000 characters"]),
    (doubling("h a;", 70), InvalidArgument, ["line 67", "at most 64 deep"]),
    (doubling("h a;") + "qreg q[1]; g60 q[0];", Unsupported, ["line 64", "100000 gates"]),
    (doubling("") + "qreg q[1]; g60 q[0];", Unsupported, ["100000 gates"]),
    (
        HEAD + "gate g(a) x { rx(" + "a+" * 100_000 + "a) x; } qreg q[1];" + "g(1) q[0];" * 100,
        Unsupported,
        ["arithmetic"],
    ),
    (HEAD + "qreg q[64];" + "h q;" * 200_000, Unsupported, ["one for each of its qubits"]),
    (HEAD + "qreg a[2]; qreg q[62];" + "cx a[0] , q ;" * 2000, Unsupported, ["100000 gates"]),
    (HEAD + "gate g a { h a; } qreg q[64];" + "g\nq // all\n;" * 2000, Unsupported, ["100000 gates"]),
    (HEAD + "".join(f"qreg q{k}[64];" for k in range(120)), InvalidArgument, ["64 qubits in all, got 128"]),
    (HEAD + "qreg a[33]; qreg b[32];", InvalidArgument, ["64 qubits in all, got 65"]),
    (HEAD + "qreg q[1];" + "".join(f"creg c{k}[64];" for k in range(5)), InvalidArgument, ["bits in all, got 320"]),
    (HEAD + "qreg q[1]; x q[0];\nreset q[0];", Unsupported, ["line 4", "reset"]),
    (HEAD + "qreg q[1]; creg c[1]; measure q -> c; reset q;", Unsupported, ["reset"]),
    (HEAD + "qreg q[1]; creg c[1];\nif(c==1) x q[0];", Unsupported, ["line 4", "conditions"]),
    (HEAD + "qreg q[1]; opaque foo a;\nfoo q[0];", Unsupported, ["line 4", "'foo' is opaque"]),
    (HEAD + "qreg q[1]; opaque rx(t) a;\nrx(0.1) q[0];", Unsupported, ["line 4", "'rx' is opaque"]),
    (HEAD + "opaque foo a; gate g a {\n foo a; }", Unsupported, ["line 4", "'foo' is opaque"]),
    (HEAD + "qreg q[1]; creg c[1]; measure q[0]->c[0];\nx q[0];", Unsupported, ["line 4", "follows a measurement"]),
    (HEAD + "qreg q[2]; creg c[1]; measure q -> c;", InvalidArgument, ["2 classical bits to measure into, got 1"]),
    (HEAD + "qreg q[1]; \ud800", InvalidArgument, [LINE3, "\\ud800"]),
    (HEAD + "qreg q[1]; rx(\u0663) q[0];", InvalidArgument, [LINE3, "\\u0663"]),
    (HEAD + 'qreg q[1]; "', InvalidArgument, [LINE3, 'character "']),
]


@pytest.mark.parametrize(("text", "error", "words"), BAD, ids=range(len(BAD)))
def test_bad_programs_are_refused_with_their_line(text, error, words):
    with pytest.raises(error) as caught:
        Circuit.from_qasm(text)
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value)) < 400
    str(caught.value).encode()


def test_a_surrogate_in_a_comment_is_no_matter():
    assert Circuit.from_qasm(HEAD + "// \ud800 ü\nqreg q[1];") == Circuit(1)


@pytest.mark.parametrize(
    "body", ["h r;" * 200_000, "cx q[0],r;" * 4000, "h q; " * 2000 + "x r;" * 3000], ids=["h", "cx", "h and x"]
)
def test_too_many_gates_are_counted_before_any_is_written(body, monkeypatch):
    monkeypatch.setattr(reader.Gate, "__post_init__", lambda _: pytest.fail("was written"))
    with pytest.raises(Unsupported, match="100000 gates"):
        Circuit.from_qasm(f"{HEAD}qreg q[32]; qreg r[32];{body}")


def test_what_looks_like_a_whole_register_and_is_none_counts_once():
    gate = "gate mine(q) r { " + "rx(q) r; " * 900 + "}"
    text = f"{HEAD}{gate} qreg q[32]; qreg r[32]; mine(0.1) q [0]; h q; barrier q, r; " + "barrier q;" * 4000
    circuit = Circuit.from_qasm(text)
    assert (circuit.n_qubits, len(circuit.gates)) == (64, 932)
    text = f"{HEAD}qreg q[64]; " + "h q;" * 1562 + "h q[0];" * 32
    assert len(Circuit.from_qasm(text).gates) == 100_000


#: Angles at which much cancels, and such at which nothing does.
ANGLES = st.sampled_from([0.0, np.pi / 2, np.pi, -np.pi, 2 * np.pi]) | st.floats(-7, 7)


@pytest.mark.parametrize("name", LIBRARY)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_librarys_gate_is_never_more_gates_than_are_counted_for_it(name, data):
    gate = LIBRARY[name]
    angles = [data.draw(ANGLES) for _ in range(gate.n_angles)]
    assert sum(step.name != PHASE for step in gate.build(angles)) <= gate.size


@pytest.mark.parametrize("use", ["cu(.1,.2,.3,.4) a,b;", "cu3(.1,.2,.3) a,b;", "ccx a,b,c;", "c3sqrtx a,b,c,d;"])
def test_as_many_gates_as_are_allowed_are_read_and_no_more(use):
    one = len(Circuit.from_qasm(f"{HEAD}gate g a,b,c,d {{ {use} }} qreg a[4]; g a[0],a[1],a[2],a[3];").gates)
    program = f"gate g a,b,c,d {{ {use} }} qreg q[4];" + "g q[0],q[1],q[2],q[3];" * (100_000 // one)
    assert len(Circuit.from_qasm(HEAD + program).gates) == one * (100_000 // one)
    with pytest.raises(Unsupported, match="more than 100000 gates"):
        Circuit.from_qasm(HEAD + program + "g q[0],q[1],q[2],q[3];")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(end):
    text = HEAD + "// a remark\nqreg q[1]; // another\n\nrx(0.5) q[0];\n"
    program = read_qasm(text.replace("\n", end), free_angles=True)
    assert program.angles == (WrittenAngle(6, "rx", (0,), 0.5),)
    with pytest.raises(InvalidArgument, match=r"in line 7 .*'foo'"):
        Circuit.from_qasm((text + "foo q[0];").replace("\n", end))
    with pytest.raises(InvalidArgument, match=r"in line 2 .*character"):
        Circuit.from_qasm('OPENQASM 2.0;\ninclude "qelib1\n.inc";'.replace("\n", end))


@pytest.mark.parametrize(
    "body", ["cx q[0],r;", "cx r,q[0];", "cx q,o;", "ccx q[0],o[0],r;", "barrier q,r;", "cx r,w;", "ccx r,w,o[0];"]
)
def test_single_qubits_go_with_every_qubit_of_a_register_as_with_qiskit(body):
    text = f"{HEAD}qreg q[1]; qreg r[2]; qreg w[2]; qreg o[1]; ry(0.3) q; ry(0.5) r; ry(0.9) w; ry(1.2) o; {body}"
    np.testing.assert_allclose(by_engine(Circuit.from_qasm(text)), by_qiskit(text), atol=1e-10)


def test_many_definitions_are_no_matter():
    """As Qiskit writes them: one for each block."""
    text = HEAD + "".join(f"gate g{k} a {{ h a; }}\n" for k in range(2000)) + "qreg q[1]; g1999 q[0];"
    assert Circuit.from_qasm(text).gates == (Gate("H", 0),)


def random_qiskit_program(seed):
    """A circuit of Qiskit's own making, written by its own exporter: standard gates, own gates, powers, controls."""
    from qiskit import QuantumCircuit, qasm2
    from qiskit.circuit.library import QFTGate, RGate, XXPlusYYGate
    from qiskit.circuit.random import random_circuit

    program = QuantumCircuit(4)
    program.compose(random_circuit(4, 4, max_operands=3, seed=seed), inplace=True)
    program.append(QFTGate(3).inverse(), [2, 0, 3])
    program.append(XXPlusYYGate(0.3 + seed, 0.2).control(1), [1, 3, 0])
    program.append(RGate(0.7, 0.1).power(2), [2])
    program.compose(random_circuit(4, 3, max_operands=4, seed=seed + 100), inplace=True)
    return qasm2.dumps(program)


@pytest.mark.parametrize("seed", range(8))
def test_programs_as_qiskit_writes_them(seed):
    text = random_qiskit_program(seed)
    np.testing.assert_allclose(by_engine(Circuit.from_qasm(text)), by_qiskit(text), atol=1e-9)


@given(st.recursive(st.floats(0.1, 3).map(repr) | st.just("pi"), lambda inner: st.one_of(
    st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "^"]), inner).map(lambda t: f"{t[0]}{t[1]}{t[2]}"),
    inner.map(lambda x: f"-{x}"), inner.map(lambda x: f"({x})"), inner.map(lambda x: f"sin({x})"),
), max_leaves=8))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_arithmetic_is_qiskits(expression):
    from qiskit import qasm2

    text = f"{HEAD}qreg q[1]; rz({expression}) q[0];"
    try:
        right = float(qasm2.loads(text).data[0].operation.params[0])
    except qasm2.QASM2ParseError:
        right = np.nan
    try:
        ours = Circuit.from_qasm(text).gates[0].offset
    except InvalidArgument:
        ours = np.nan
    assert ours == pytest.approx(right if np.isfinite(right) else np.nan, rel=1e-12, abs=1e-12, nan_ok=True)


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
