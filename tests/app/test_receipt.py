"""A run to take home: the receipt holds all it needs, notebooks train the same histories."""

from __future__ import annotations

import ast
import base64
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from app import services
from app.receipt import notebook, receipt
from app.views.compare import receipt as race_receipt
from qhn_core.config import RunConfig
from qhn_core.results import train
from qhn_core.runner import Supervisor
from qhn_core.store import RunStore
from qhn_core.studies.race.config import RaceConfig

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


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    store = RunStore(tmp_path_factory.mktemp("runs"))
    supervisor = Supervisor(store)
    run = supervisor.start(CONFIG, name="A <b>bold</b> name </script>")
    supervisor.wait(run, timeout=120)
    supervisor.shutdown()
    return receipt(store.get(run), store.history(run), CONFIG).decode()


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
    assert any(RaceConfig.parse(json.loads(text)) == race for text in texts if text.startswith("{"))
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
    for chart in ("race-nll", "race-accuracy", "race-gap", "race-loss"):
        assert f'data-chart="{chart}"' in text
    data = re.search(r"data:text/csv;base64,([A-Za-z0-9+/=]+)", text)
    assert data
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(data[1]).decode())))
    again = train(RaceConfig.parse(RACE).configs()[1]).history["loss"]
    mine = [float(row["loss"]) for row in rows if row["contender"] == "ELBO β=1" and row["seed"] == "3"]
    assert mine == again[:, 3].tolist()
