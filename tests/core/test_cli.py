"""The command line, in this process; a few commands in a process of their own."""

from __future__ import annotations

import csv
import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import typer

from qhn_core.commands import main
from qhn_core.commands.shared import common
from qhn_core.config import RunConfig
from qhn_core.results import train
from qhn_core.store import RunState, RunStore

ROOT = Path(__file__).parents[2]
CONFIG = """
dataset: {name: xor, n_train: 8, n_test: 10}
network: {name: mlp, layers: [2, 1]}
ansatz: {name: linear, layers: 1}
steps: 12
replicas: 2
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("QHN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "run.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def trained(folder, capsys):
    assert main(["train", str(folder / "run.yaml"), "--name", "demo", "--quiet"]) == 0
    return capsys.readouterr().out.split()[0]


def test_train_runs_to_the_end_and_says_how_it_went(folder, capsys):
    assert main(["train", str(folder / "run.yaml"), "--name", "demo"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"[a-z0-9]{8}  demo  all 12 steps done  loss \d\S*  test accuracy \d\S*\n", out)
    assert "3 qubits" in err
    record = RunStore(folder / "data").get(out.split()[0])
    assert record.state is RunState.FINISHED
    found = RunStore(folder / "data").history(record.id)
    wanted = train(RunConfig.from_yaml(CONFIG))
    assert all(np.array_equal(found.history[n], a, equal_nan=True) for n, a in wanted.history.items())


def test_runs_lists_and_show_tells_all(trained, capsys):
    assert main(["runs"]) == 0
    out = capsys.readouterr().out
    assert re.search(rf"{trained}\s+demo\s+finished\s+12/12", out)
    assert main(["runs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(r["id"], r["state"], r["step"]) for r in listed] == [(trained, "finished", 12)]
    assert main(["show", trained[:4]]) == 0
    out = capsys.readouterr().out
    assert "name: xor" in out
    assert "accuracy_test" in out
    assert any(bar in out for bar in "▁▂▃▄▅▆▇█")


def test_export_writes_csv_json_and_archives(trained, folder, capsys):
    assert main(["export", trained[:5], "--to", str(folder / "out")]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert len(list(csv.DictReader(path.open()))) == 13 * 2
    assert main(["export", trained, "--to", str(folder / "out"), "--format", "json"]) == 0
    exported = json.loads(Path(capsys.readouterr().out.strip()).read_text())
    assert RunConfig.model_validate(exported["config"]) == RunConfig.from_yaml(CONFIG)
    assert main(["train", str(folder / "run.yaml"), "-q"]) == 0
    other = capsys.readouterr().out.split()[0]
    assert main(["export", trained, other, "--to", str(folder / "out")]) == 0
    assert capsys.readouterr().out.strip().endswith("qhn-runs-csv.zip")


def test_delete_asks_unless_told_not_to(trained, folder, capsys, monkeypatch):
    monkeypatch.setattr("typer.confirm", lambda text: False)
    assert main(["delete", trained]) == 0
    assert main(["show", trained]) == 0
    assert main(["delete", trained, "--yes"]) == 0
    capsys.readouterr()
    assert main(["runs"]) == 0
    assert "No runs" in capsys.readouterr().out


def test_data_is_taken_before_and_after_the_command(trained, folder, capsys):
    assert main(["runs", "--data", str(folder / "other")]) == 0
    assert "No runs" in capsys.readouterr().out
    assert main(["--data", str(folder / "third"), "runs"]) == 0
    assert str(folder / "third") in capsys.readouterr().out
    assert os.environ["QHN_DATA"] == str(folder / "third")


def test_version_names_the_packages(capsys):
    assert main(["version"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^qhn-lab \d", out)
    assert "pennylane" in out


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("dataset: {name: xox}", "xor"),
        ("steps: many", "steps"),
        ("steps: 0", "steps"),
        ("{", "run.yaml"),
        ("colour: red", "colour"),
        ("schema_version: 99", "Update QHN Lab"),
        ("network: {name: mlp, layers: [9, 9, 9]}\ndataset: {name: breast_cancer, components: 9}", "qubits"),
        ("network: {name: mlp, layers: [3, 1]}", "features"),
    ],
)
def test_a_bad_configuration_is_one_clear_message_and_starts_nothing(folder, capsys, text, what):
    (folder / "run.yaml").write_text(text)
    assert main(["train", str(folder / "run.yaml")]) in (1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")
    assert what in err
    assert "Traceback" not in err
    assert RunStore(folder / "data").list() == []


def test_other_mistakes_are_one_clear_message(folder, capsys, monkeypatch):
    assert main(["train", str(folder / "missing.yaml")]) in (1, 2)
    assert "missing.yaml" in capsys.readouterr().err
    assert main(["show", "zzzz"]) == 1
    assert "no run 'zzzz'" in capsys.readouterr().err
    assert main(["train"]) == 2
    assert "CONFIG" in capsys.readouterr().err
    assert main(["dance"]) == 2
    assert "dance" in capsys.readouterr().err
    (folder / "file").write_text("")
    assert main(["runs", "--data", str(folder / "file" / "x")]) == 1
    assert "cannot be made" in capsys.readouterr().err
    gc.collect()  # connections of the commands above end with their processes, which here are all this one
    (folder / "data" / "runs.sqlite3").write_bytes(b"nonsense" * 100)
    assert main(["runs"]) == 0
    assert "set aside" in capsys.readouterr().err


def test_an_unexpected_error_has_no_trace_either(folder, capsys, monkeypatch):
    def broken(_data):
        raise RuntimeError("oh")

    monkeypatch.setattr("qhn_core.commands.runs.open_store", broken)
    assert main(["runs"]) == 1
    err = capsys.readouterr().err
    assert "RuntimeError: oh" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("polite", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_with_a_checkpoint_and_resume_goes_on(folder, capsys, polite):
    config = CONFIG.replace("steps: 12", "steps: 8000")
    (folder / "run.yaml").write_text(config)
    process = subprocess.Popen(
        [sys.executable, "-m", "qhn_core", "train", str(folder / "run.yaml")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where these tests run in the background of a shell, Ctrl-C is ignored there, and by whatever they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    store = RunStore(folder / "data")
    deadline = time.monotonic() + 60
    while not (store.list() and store.list()[0].step > 20) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(polite)
    _, err = process.communicate(timeout=30)
    (record,) = store.list()
    assert process.returncode == 130
    assert f"resume {record.id}" in err
    assert "Traceback" not in err
    assert record.state is RunState.STOPPED
    assert 20 < record.step < 8_000
    if polite == signal.SIGTERM:
        return
    assert main(["resume", record.id[:6], "--quiet"]) == 0
    assert "all 8000 steps done" in capsys.readouterr().out
    assert main(["resume", record.id]) == 0
    assert "finished already" in capsys.readouterr().out
    wanted = train(RunConfig.from_yaml(config))
    found = store.history(record.id)
    assert all(np.array_equal(found.history[n], a, equal_nan=True) for n, a in wanted.history.items())


def test_small_helpers():
    assert common.number(float("nan")) == "–"
    assert common.number(0.123456) == "0.123"
    assert common.sparkline([]) == ""
    assert common.sparkline([0, 1]) == "▁█"
    assert common.sparkline([1.0] * 3) == "▁▁▁"
    assert len(common.sparkline(list(range(1000)), width=40)) == 40
    assert common.sparkline([float("nan"), 1.0, 2.0]) == " ▁█"


def test_an_uploaded_table_is_named_by_its_content(folder, capsys):
    lines = [f"{x},{-x},{'no' if x < 0 else 'yes'}" for x in np.linspace(-1, 1, 40).round(3)]
    (folder / "table.csv").write_text("a,b,answer\n" + "\n".join(lines))
    assert main(["upload", str(folder / "table.csv")]) == 0
    sha256 = capsys.readouterr().out.strip()
    (folder / "run.yaml").write_text(
        CONFIG.replace(
            "{name: xor, n_train: 8, n_test: 10}", f"{{name: csv, sha256: {sha256}, n_train: 20, n_test: 10}}"
        )
    )
    assert main(["train", str(folder / "run.yaml"), "-q"]) == 0
    capsys.readouterr()
    assert main(["train", str(folder / "run.yaml"), "-q", "--data", str(folder / "elsewhere")]) == 1
    assert "Upload the same CSV again" in capsys.readouterr().err
    assert main(["upload", str(folder / "missing.csv")]) == 1
    assert "missing.csv" in capsys.readouterr().err


REAL = (
    CONFIG
    + """
objective: {name: selbo}
engine: {name: pennylane, device: qiskit.remote, backend: ibm_nowhere, account: lab}
estimator: {name: spsa, shots: 64}
"""
)


def test_a_real_device_is_asked_about_with_its_cost_and_then_needs_permission(folder, capsys, monkeypatch):
    """12 steps and the evaluation of step 0, two replicas, three circuits each: 78 circuits of 64 shots."""
    monkeypatch.delenv("QHN_ALLOW_REMOTE", raising=False)
    (folder / "real.yaml").write_text(REAL)
    asked = []

    def refuse(text, **options):
        asked.append(text)
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", refuse)
    assert main(["train", str(folder / "real.yaml")]) != 0
    assert "78 circuits, 4,992 shots on ibm_nowhere" in capsys.readouterr().err
    assert len(asked) == 1
    assert RunStore(folder / "data").list() == []
    assert main(["train", str(folder / "real.yaml"), "--yes"]) != 0
    assert len(asked) == 1
    out, err = capsys.readouterr()
    assert "QHN_ALLOW_REMOTE=1" in out + err
    assert "Traceback" not in out + err


def test_a_sweep_on_a_real_device_is_asked_about_with_the_total_of_its_cells(folder, capsys, monkeypatch):
    """Three cells of 78 circuits, of which one is finished already."""
    from qhn_core.studies import executors
    from qhn_core.studies.sweep import SweepFolder, load_sweep

    base = "\n".join(f"  {line}" for line in REAL.strip().splitlines())
    (folder / "sweep.yaml").write_text(f"base:\n{base}\naxes: {{seed: [1, 2, 3]}}\n")
    out = SweepFolder(folder / "out")
    done = load_sweep(folder / "sweep.yaml").cells()[0]
    out.put(done.key, json.dumps({"config": done.config.to_dict(), "final": {}, "steps": 12}))
    asked, ran = [], []

    def refuse(text, **options):
        asked.append(text)
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", refuse)
    monkeypatch.setattr(executors, "run_sweep", lambda *a, **o: ran.append(o["uploads"]))
    arguments = ["sweep", str(folder / "sweep.yaml"), "--out", str(folder / "out"), "-q"]
    assert main(arguments) != 0
    assert "156 circuits, 9,984 shots on ibm_nowhere" in capsys.readouterr().err
    assert len(asked) == 1
    assert ran == []
    assert main([*arguments, "--yes"]) == 0
    assert len(asked) == len(ran) == 1


def test_a_sweep_on_this_machine_is_not_asked_about(folder, monkeypatch):
    monkeypatch.setattr("typer.confirm", lambda *_, **__: pytest.fail("asked"))
    (folder / "sweep.yaml").write_text("base: {steps: 2, replicas: 1}\naxes: {seed: [1]}\n")
    assert main(["sweep", str(folder / "sweep.yaml"), "--out", str(folder / "out"), "--workers", "1", "-q"]) == 0


@pytest.mark.parametrize("key", ["token", "instance", "api_key"])
def test_a_credential_in_a_configuration_is_refused_and_kept_nowhere(folder, capsys, key):
    secret = "s3cret" * 8
    (folder / "real.yaml").write_text(REAL.replace("account: lab", f"account: lab, options: {{{key}: {secret}}}"))
    assert main(["train", str(folder / "real.yaml"), "--yes"]) != 0
    out, err = capsys.readouterr()
    assert "save_account" in err
    assert secret not in out + err
    stored = [path.read_bytes() for path in (folder / "data").rglob("*") if path.is_file()]
    assert not [content for content in stored if secret.encode() in content]
