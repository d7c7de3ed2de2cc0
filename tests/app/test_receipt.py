"""A run to take home: the receipt holds all it needs, the notebook trains the same history."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.receipt import notebook, receipt, script
from qhn_core.config import RunConfig
from qhn_core.results import train
from qhn_core.runner import Supervisor
from qhn_core.store import RunStore

CONFIG = RunConfig.parse({"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 6, "replicas": 2})


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


def test_the_script_and_the_notebook_run(tmp_path: Path) -> None:
    found = json.loads(notebook(CONFIG))
    assert [cell["cell_type"] for cell in found["cells"]] == ["markdown", "code", "code"]
    code = "\n".join("".join(cell["source"]) for cell in found["cells"] if cell["cell_type"] == "code")
    assert script(CONFIG) in code
    path = tmp_path / "notebook.py"
    path.write_text(code, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    final = train(CONFIG).history["loss"][-1].mean()
    assert f"loss: {final:.4f}" in done.stdout
