"""Circuits of one's own: an OpenQASM 2 file that a configuration names by its content, and any Circuit from Python."""

import numpy as np
import pytest
from typer.testing import CliRunner

import qhn_core as qhn
from qhn_core import Circuit, Gate
from qhn_core.ansatze import ANSATZE
from qhn_core.ansatze.qasm import example
from qhn_core.circuits.arrays import circuit_arrays, circuit_from_arrays
from qhn_core.commands import app
from qhn_core.config import ConfigError, RunConfig, load_config
from qhn_core.errors import InvalidArgument, MissingUpload, Unsupported
from qhn_core.planning import plan
from qhn_core.results import RunResult
from qhn_core.studies.variance import compare_variance
from qhn_core.uploads import store_upload

HEAD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
#: Five qubits, as a 2-1-1 network has bits.
TEXT = HEAD + "qreg q[5];\nry(0.3) q;\ncx q[0],q[1];\nrz(1.5) q[2];\nu2(0.1,0.2) q[3];\nh q[4];\n"


def run(file="", **options):
    return RunConfig.model_validate(
        {
            "network": {"name": "mlp", "layers": [2, 1, 1]},
            "ansatz": {"name": "qasm", "file": file, **options},
            "steps": 20,
            "replicas": 2,
        }
    )


@pytest.fixture
def uploads(tmp_path):
    return tmp_path / "uploads"


def keep(uploads, text):
    return store_upload(uploads, text.encode(), ".qasm")


def test_the_circuit_of_a_file_is_trained_from_the_numbers_in_it(uploads):
    file = keep(uploads, TEXT)
    config = run(file, scale=1e-6)
    needs = plan(config, uploads)
    assert needs.circuit.gates == Circuit.from_qasm(TEXT, free_angles=True).gates
    assert (needs.n_qubits, needs.n_params) == (5, 8)
    seen = []
    result = qhn.train(config, on_event=seen.append, uploads=uploads)
    written = qhn.engine("statevector").probs(Circuit.from_qasm(TEXT), np.zeros(0))
    np.testing.assert_allclose(seen[0].probs, [written, written], atol=1e-5)
    assert (result.history["loss"][-1] < result.history["loss"][0] - 0.01).all()
    again = RunConfig.from_url(config.to_url())
    assert again == config
    assert file in config.to_yaml()
    np.testing.assert_array_equal(qhn.train(again, uploads=uploads).theta, result.theta)


def test_the_angles_that_are_chosen_are_free_and_the_others_stay(uploads):
    file = keep(uploads, TEXT)
    circuit = plan(run(file, free=[0, 5]), uploads).circuit
    assert [gate.name for gate in circuit.gates if gate.param is not None] == ["RY", "RZ"]
    assert circuit == Circuit(5, Circuit.from_qasm(TEXT, free_angles=[0, 5]).gates, name="qasm")
    with pytest.raises(InvalidArgument, match=r"free_angles.*8 angles"):
        plan(run(file, free=[8]), uploads)
    with pytest.raises(InvalidArgument, match=r"ansatz\.free.*at least one free angle"):
        plan(run(file, free=[]), uploads)


def test_what_does_not_fit_is_refused_with_the_remedy(uploads):
    with pytest.raises(InvalidArgument, match=r"5 qubits, one for each bit.*one of 3.*network of 3 bits.*qreg q\[5\]"):
        plan(run(keep(uploads, HEAD + "qreg q[3]; ry(0.1) q;")), uploads)
    with pytest.raises(InvalidArgument, match=r"at least one free angle.*Write rotations"):
        plan(run(keep(uploads, HEAD + "qreg q[5]; h q;")), uploads)
    with pytest.raises(InvalidArgument, match=r"in line 4.*'hh'"):
        plan(run(keep(uploads, HEAD + "qreg q[5];\nhh q;")), uploads)
    with pytest.raises(InvalidArgument, match=r"UTF-8.*0xff"):
        plan(run(store_upload(uploads, b"OPENQASM 2.0;\xff", ".qasm")), uploads)
    with pytest.raises(MissingUpload, match="uploaded circuit with content hash"):
        plan(run("0" * 64), uploads)
    with pytest.raises(ConfigError, match=r"ansatz\.file: expected the 64 hexadecimal digits"):
        RunConfig.parse({"ansatz": {"name": "qasm", "file": "../../etc/passwd"}})
    for options in ({"layers": 2}, {"hadamard": True}, {"free": [-1]}):
        with pytest.raises(InvalidArgument):
            ANSATZE.make("qasm", **options)


def test_without_a_file_there_is_an_example(uploads):
    circuit = plan(run(), uploads).circuit
    assert circuit.gates == Circuit.from_qasm(example(5), free_angles=True).gates
    assert circuit.n_params == 15


def test_a_file_that_was_changed_is_told(uploads):
    file = keep(uploads, TEXT)
    (uploads / f"{file}.qasm").write_text(TEXT + "x q[0];")
    with pytest.raises(InvalidArgument, match="a changed file"):
        plan(run(file), uploads)


def test_studies_over_sizes_refuse_a_circuit_of_one_size(uploads):
    with pytest.raises(Unsupported, match="one size and one depth"):
        compare_variance(run(), replicas=2, losses=("mle",))


def test_a_path_in_a_configurations_file_becomes_the_content_hash(tmp_path, uploads):
    (tmp_path / "mine.qasm").write_text(TEXT)
    path = tmp_path / "run.yaml"
    path.write_text(run().to_yaml().replace("file: ''", "file: mine.qasm"))
    config = load_config(path, uploads=uploads)
    assert config == run(keep(uploads, TEXT))
    assert plan(config, uploads).n_params == 8
    with pytest.raises(ConfigError, match=r"ansatz\.file: expected the 64"):
        load_config(path)
    (tmp_path / "mine.qasm").unlink()
    with pytest.raises(ConfigError, match=r"ansatz\.file: .*mine\.qasm cannot be read"):
        load_config(path, uploads=uploads)


def test_the_command_line_trains_a_circuit_by_its_path(tmp_path):
    (tmp_path / "mine.qasm").write_text(TEXT)
    path = tmp_path / "run.yaml"
    path.write_text(run().to_yaml().replace("file: ''", "file: mine.qasm"))
    done = CliRunner().invoke(app, ["train", str(path), "--data", str(tmp_path / "data"), "--quiet"])
    assert done.exit_code == 0, done.output
    kept = list((tmp_path / "data").rglob("*.qasm"))
    assert [file.read_text() for file in kept] == [TEXT]
    done = CliRunner().invoke(app, ["upload", str(tmp_path / "mine.qasm"), "--data", str(tmp_path / "data")])
    assert done.output.strip().endswith(kept[0].stem)


#: Shared and scaled parameters, which no OpenQASM 2 program can say.
SHARED = Circuit(
    5,
    (
        *(Gate("RY", wire, wire % 2, 1.0 + wire, 0.1 * wire) for wire in range(5)),
        *(Gate("CNOT", (wire, wire + 1)) for wire in range(4)),
        Gate("IsingZZ", (4, 0), 2),
    ),
    n_params=4,
)


def test_python_trains_any_circuit_and_keeps_it_with_the_result(tmp_path):
    config = run(init="uniform").model_copy(update={"ansatz": ANSATZE.make("linear")})
    result = qhn.train(config, circuit=SHARED)
    assert result.theta.shape == (2, 4)
    assert (result.history["loss"][-1] < result.history["loss"][0]).all()
    assert result.circuit == SHARED
    again = RunResult.load(result.save(tmp_path / "run"))
    assert again.circuit == SHARED
    assert set(again.history) == set(result.history)
    assert RunResult.load(qhn.train(config).save(tmp_path / "other")).circuit is None


def test_circuits_that_do_not_fit_the_network_are_refused():
    with pytest.raises(InvalidArgument, match=r"circuit: expected 5 qubits, one for each bit.*network of 2 bits"):
        qhn.train(run(), circuit=Circuit(2, (Gate("RY", 0, 0),)))
    with pytest.raises(InvalidArgument, match="at least one parameter"):
        qhn.train(run(), circuit=Circuit(5))
    with pytest.raises(InvalidArgument, match=r"a qhn_core\.Circuit"):
        qhn.train(run(), circuit="linear")


def test_circuits_as_arrays():
    for circuit in (SHARED, Circuit(1), Circuit(3, n_params=2)):
        assert circuit_from_arrays(circuit_arrays(circuit)) == circuit
    for name, value in (("gate", [99]), ("wires", [[0, 0]]), ("param", [1, 2]), ("size", [1])):
        arrays = circuit_arrays(Circuit(2, (Gate("CNOT", (0, 1)),))) | {name: np.array(value)}
        with pytest.raises(InvalidArgument):
            circuit_from_arrays(arrays)
    with pytest.raises(InvalidArgument):
        circuit_from_arrays({})


def test_a_damaged_circuit_in_a_saved_run_is_told(tmp_path):
    folder = qhn.train(run(), circuit=SHARED).save(tmp_path)
    with np.load(folder / "history.npz") as stored:
        arrays = dict(stored)
    gates = arrays["circuit.gate"]
    np.savez(folder / "history.npz", **(arrays | {"circuit.gate": np.full_like(gates, -1)}))
    with pytest.raises(InvalidArgument, match="the arrays of a circuit"):
        RunResult.load(folder)
