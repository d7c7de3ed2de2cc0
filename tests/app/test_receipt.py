"""A run to take home: the receipt holds all it needs, notebooks train the same histories."""

from __future__ import annotations

import ast
import base64
import csv
import hashlib
import html
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import carried as carried_files
from app import services
from app.carried import carried
from app.receipt import notebook, script
from app.views.compare import receipt as race_receipt
from app.views.compare import verdict as verdict_page
from app.views.compare.judging import THRESHOLDS, judge
from app.views.compare.sentences import p_text
from app.views.compare.verdict import cell_of
from app.views.train.share import receipt_of
from qhn_core.config import RunConfig
from qhn_core.results import train
from qhn_core.runner import Supervisor
from qhn_core.store import RunStore
from qhn_core.studies.race.config import RaceConfig
from qhn_core.uploads import TABLE_SUFFIXES, Upload, read_upload, store_upload

CONFIG = RunConfig.parse({"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 6, "replicas": 2})

RACE: dict[str, Any] = {
    "base": {
        "schema_version": 1,
        "dataset": {"name": "xor", "n_train": 8, "n_test": 30},
        "network": {"name": "mlp", "layers": [2, 1, 1]},
        "steps": 6,
        "replicas": 8,
    },
    "contenders": [{"objective": {"name": "mle"}}, {"objective": {"name": "elbo", "beta": 1.0}}],
    "rivals": ["best_string"],
    "judged_step": 5,
}


#: An uploaded table, with quotes and line ends that a text in a script would lose.
TABLE = (
    'size,"note ""x""",class\r\n' + "".join(f"{i % 7}.5,{i % 3},{'ab'[i % 7 > 3]}\r\n" for i in range(40))
).encode()
COSTS = "".join(f"{cost}\n" for cost in (3.0, 1.0, 2.0, 0.0)).encode()
PROGRAM = b"""OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
ry(0.1) q[0]; ry(0.2) q[1]; ry(0.3) q[2];
cx q[0],q[1];
"""
SHORT: dict[str, Any] = {"steps": 4, "replicas": 2}
OWN: dict[str, tuple[bytes, str, Any]] = {
    "csv": (
        TABLE,
        ".csv",
        lambda sha: {
            "dataset": {"name": "csv", "sha256": sha, "n_train": 20, "n_test": 10},
            "network": {"name": "mlp", "layers": [2, 1, 1]},
        },
    ),
    "circuit": (
        PROGRAM,
        ".qasm",
        lambda sha: {"ansatz": {"name": "qasm", "file": sha}, "network": {"name": "mlp", "layers": [2, 1]}},
    ),
    "cost table": (COSTS, ".txt", lambda sha: {"dataset": {"name": "cost_table", "sha256": sha}}),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    store = RunStore(tmp_path_factory.mktemp("runs"))
    supervisor = Supervisor(store)
    run = supervisor.start(CONFIG, name="A <b>bold</b> name </script>")
    supervisor.wait(run, timeout=120)
    supervisor.shutdown()
    return receipt_of(store, run, lambda sha256: "").decode()


def own(kind: str, folder: Path) -> RunConfig:
    """A run on an uploaded file of this kind, which is in ``folder`` only."""
    data, suffix, section = OWN[kind]
    return RunConfig.parse(SHORT | section(store_upload(folder, data, suffix)))


def printed_by(script: str, folder: Path) -> str:
    """What a script prints as a program of its own, from an empty folder and with no data folder."""
    folder.mkdir(exist_ok=True)
    (folder / "script.py").write_text(script, encoding="utf-8")
    root = str(Path(__file__).parents[2])
    found = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": root, "QHN_DATA": str(folder / "nothing"), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    return found.stdout + found.stderr


def script_of(page: str) -> str:
    """The script that a receipt hands out, which is the one that it shows."""
    data = re.search(r"data:text/x-python;base64,([A-Za-z0-9+/=]+)", page)
    assert data
    script = base64.b64decode(data[1]).decode()
    assert f"<pre>{html.escape(script)}</pre>" in page
    return script


def test_the_receipt_fetches_nothing_and_escapes_what_people_wrote(page: str) -> None:
    head = page.split("<script>", 1)[0] + page.rsplit("</script>", 1)[1]
    assert "<b>bold" not in page
    assert "A &lt;b&gt;bold" in head
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page.split("<style>")[0])
    assert "http" not in page.rsplit("</script>", 1)[1]


def test_its_history_is_the_run_s(page: str) -> None:
    data = re.search(r"data:text/csv;base64,([A-Za-z0-9+/=]+)", page)
    assert data
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(data[1]).decode())))
    again = train(CONFIG)
    assert [float(row["loss"]) for row in rows if row["replica"] == "1"] == again.history["loss"][:, 1].tolist()


def run_by_jupyter(notebook: bytes) -> list[dict[str, Any]]:
    """The outputs of all code cells after Jupyter has run them."""
    import nbformat
    from nbclient import NotebookClient

    found = nbformat.reads(notebook.decode(), as_version=4)
    nbformat.validate(found)
    root = str(Path(__file__).parents[2])
    NotebookClient(found, timeout=200, resources={"metadata": {"path": root}}).execute()
    return [output for cell in found.cells if cell.cell_type == "code" for output in cell.outputs]


def printed(outputs: list[dict[str, Any]]) -> str:
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


@pytest.mark.parametrize("kind", list(OWN))
def test_the_script_of_a_run_on_an_own_file_stands_alone(kind: str, tmp_path: Path) -> None:
    config = own(kind, tmp_path / "uploads")
    files = carried(config.uploaded(), tmp_path / "uploads")
    said = printed_by(script(config, files), tmp_path / "elsewhere")
    final = train(config, uploads=tmp_path / "uploads").history["loss"][-1].mean()
    assert f"loss: {final:.4f}" in said
    assert not list((tmp_path / "elsewhere").glob("tmp*")), "the folder that the script made stays behind"


@pytest.mark.parametrize("kind", list(OWN))
def test_the_notebook_of_a_run_on_an_own_file_stands_alone(kind: str, tmp_path: Path) -> None:
    config = own(kind, tmp_path)
    made = notebook(config, carried(config.uploaded(), tmp_path))
    final = train(config, uploads=tmp_path).history["loss"][-1].mean()
    assert f"loss: {final:.4f}" in printed(run_by_jupyter(made))
    assert "gets the data" in json.loads(made)["cells"][0]["source"][-1]


def test_the_receipt_of_a_run_on_an_own_table_holds_it_and_says_so(fresh: Path, tmp_path: Path) -> None:
    config = own("csv", services.uploads())
    run = services.supervisor().start(config)
    services.supervisor().wait(run, timeout=120)
    page = receipt_of(services.store(), run, lambda sha256: "marks <b>3b.CSV").decode()
    body = page.rsplit("</script>", 1)[1]
    assert f"holds the CSV marks b3b.csv ({len(TABLE)} bytes, SHA-256 " in body
    assert "who gets this one gets the data" in body
    final = services.store().history(run).history["loss"][-1].mean()
    assert f"loss: {final:.4f}" in printed_by(script_of(page), tmp_path)


def test_a_race_on_an_own_table_stands_alone(fresh: Path, tmp_path: Path) -> None:
    config = own("csv", services.uploads())
    circuit = store_upload(services.uploads(), PROGRAM.replace(b"q[3]", b"q[5]"), ".qasm")
    contenders = [
        {"objective": {"name": "mle"}},
        {"objective": {"name": "mle"}, "ansatz": {"name": "qasm", "file": circuit}},
    ]
    race = RaceConfig.parse({"base": config.to_dict(), "contenders": contenders, "rivals": []})
    races = services.races()
    raced = races.start(race)
    races.wait(raced, timeout=120)
    page = race_receipt.receipt(raced).decode()
    said = printed_by(script_of(page), tmp_path / "script")
    again = printed(run_by_jupyter(race_receipt.notebook(race, carried(race.uploaded(), services.uploads()))))
    for i, side in enumerate(race.contenders):
        final = races.history(raced, i).history["loss"][-1].mean()
        assert f"{side.title} loss: {final:.4f} at step 4" in said
        assert f"{side.title} loss: {final:.4f} at step 4" in again
    assert "The script in this file holds the CSV" in page
    assert "The script in this file holds the circuit" in page


def test_a_large_file_is_named_and_its_path_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried_files, "MOST_BYTES", 100)
    config = own("csv", tmp_path)
    files = carried(config.uploaded(), tmp_path, lambda sha256: "../marks 'x'\n.csv")
    text = script(config, files)
    (line,) = [line for line in text.splitlines() if line.endswith("Path('marks x.csv')")]
    assert line in "\n".join(text.splitlines()[:10]), "the line to change is not at the top"
    assert f"marks x.csv ({len(TABLE)} bytes, SHA-256 {hashlib.sha256(TABLE).hexdigest()})" in text
    assert TABLE.decode()[:20] not in text
    assert "needs the CSV marks x.csv" in files.said
    assert "needed beside" in files.hint
    place = tmp_path / "elsewhere"
    assert "got no file at marks x.csv. Put the file there, or correct its path" in printed_by(text, place)
    (place / "marks x.csv").write_bytes(TABLE + b"1,2,a\n")
    assert "Use the file that was uploaded, unchanged" in printed_by(text, place)
    (place / "marks x.csv").write_bytes(TABLE)
    final = train(config, uploads=tmp_path).history["loss"][-1].mean()
    assert f"loss: {final:.4f}" in printed_by(text, place)


def test_a_file_that_is_not_here_is_asked_for_too(tmp_path: Path) -> None:
    config = own("cost table", tmp_path / "there")
    files = carried(config.uploaded(), tmp_path / "here")
    assert "is not on the machine that wrote this" in files.said
    assert "PUT THE FILE'S PATH HERE" in script(config, files)


@pytest.mark.parametrize(
    "data",
    [b"a,b\n1,2\n", b'"""\\', b"a\r\n\xff\x00", "\ufeffa,\u00e9\u00a0\n".encode(), b"x" * 5000, b"tail\\\n", b"\n\n1"],
)
def test_content_survives_a_script_byte_by_byte(data: bytes, tmp_path: Path) -> None:
    sha256 = store_upload(tmp_path, data, ".csv")
    files = carried([Upload(sha256, TABLE_SUFFIXES, "CSV")], tmp_path)
    found: dict[str, Any] = {}
    exec(files.imports + files.own_imports + files.restored, found)  # noqa: S102 -- written two lines above
    assert read_upload(found["uploads"], sha256) == data
    assert max(map(len, files.restored.splitlines())) < 200


def test_the_receipt_s_chart_of_the_loss_is_the_page_s(page: str) -> None:
    assert "not itself a bound" in page
    assert "−log p(D)" in page.replace("\\u2212", "−")
    assert '"name": "−ELBO"' in page.replace("\\u2212", "−")


def test_the_configuration_stands_in_a_receipt_once(page: str) -> None:
    assert page.count("schema_version: 1") == 1
    assert "dataset: {name: xor," in page


def test_the_notebooks_of_a_run_and_a_race_are_executed_by_jupyter() -> None:
    outputs = run_by_jupyter(notebook(CONFIG))
    final = train(CONFIG).history["loss"][-1].mean()
    assert f"loss: {final:.4f}" in printed(outputs)
    race = RaceConfig.parse(RACE)
    raced = run_by_jupyter(race_receipt.notebook(race))
    for side, config in zip(race.contenders, race.configs(), strict=True):
        at = train(config).history["predictive_nll_test"][race.judged_at].mean()
        assert f"{side.title} predictive_nll_test: {at:.4f} at step {race.judged_at}" in printed(raced)
    for found in (outputs, raced):
        assert any("application/vnd.plotly.v1+json" in output.get("data", {}) for output in found)


def test_what_people_wrote_stays_text_in_a_script() -> None:
    evil = 'x"""); raise SystemExit("no") #\\'
    race = RaceConfig.parse(RACE | {"contenders": [{"objective": {"name": "mle"}, "label": evil}]})
    tree = ast.parse(race_receipt.script(race))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert any(RaceConfig.from_yaml(text) == race for text in texts if text.startswith("base:"))
    assert not any(isinstance(node, ast.Raise) for node in ast.walk(tree))


def test_a_race_s_receipt_holds_verdict_curves_script_and_history(fresh: Path) -> None:
    races = services.races()
    race = races.start(RaceConfig.parse(RACE))
    races.wait(race, timeout=120)
    text = race_receipt.receipt(race).decode()
    body = text.rsplit("</script>", 1)[1] + text[text.index("<h1>") :].split("<script>")[0]
    assert "http" not in body
    assert "95 % interval" in body
    assert "ELBO β=1 − MLE" in body
    assert "judged at step 5" in body
    assert body.count("contenders:") == 1
    found = judge(race, 5, *next(iter(THRESHOLDS.items())), 1)
    for comparison in found.comparisons:
        assert f"<td>{html.escape(p_text(comparison.p_adjusted))}</td>" in text
        assert f" {p_text(comparison.p_adjusted)} " in verdict_page._details(found, "MLE", lambda c: "")
    for title in ("MLE", "ELBO β=1"):
        cells = (f"<td>{cell_of(found, name, title)}</td>" for name in found.means)
        assert f"<td>{title}</td>{''.join(cells)}" in text
    assert len(re.findall(r"^", body, re.MULTILINE)) < 60, "the configuration is as long as a book again"
    for chart in ("race-nll", "race-accuracy", "race-gap", "race-loss"):
        assert f'data-chart="{chart}"' in text
    data = re.search(r"data:text/csv;base64,([A-Za-z0-9+/=]+)", text)
    assert data
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(data[1]).decode())))
    again = train(RaceConfig.parse(RACE).configs()[1]).history["loss"]
    mine = [float(row["loss"]) for row in rows if row["contender"] == "ELBO β=1" and row["seed"] == "3"]
    assert mine == again[:, 3].tolist()
