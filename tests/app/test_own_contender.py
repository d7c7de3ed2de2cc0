"""A contender of a race with a circuit of its own: pasted on its card, in its name and in the link."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from app import services
from qhn_core.runner import RunState
from qhn_core.studies.race.config import RaceConfig
from tests.app.pages import opened, press, until, words

BASE: dict[str, Any] = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 30},
    "network": {"name": "mlp", "layers": [2, 1, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "steps": 4,
    "replicas": 2,
}
SIDES = [{"objective": {"name": "mle"}}, {"objective": {"name": "elbo", "beta": 1.0}}]
PROGRAM = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[{}]; ry(0.5) q; cx q[0],q[1]; ry(0.25) q;'


def card(page: AppTest, kind: str, ending: str) -> Any:
    """A widget of the second contender's card."""
    of_card = re.compile(rf"race\.side\S*\.1\.ansatz\S*{re.escape(ending)}")
    (found,) = [widget for widget in getattr(page, kind) if of_card.fullmatch(str(widget.key))]
    return found


def paste(page: AppTest, text: str) -> None:
    card(page, "text_area", ".text").set_value(text).run()
    assert not page.exception


def test_a_contender_races_with_its_own_circuit(fresh: Path) -> None:
    race = RaceConfig.parse({"base": BASE, "contenders": SIDES, "rivals": []})
    page = opened("compare", race=race.to_url())
    card(page, "selectbox", "").set_value("qasm").run()
    paste(page, PROGRAM.format(2))
    refused = "\n".join(error.value for error in page.error)
    assert "ELBO β=1 · own circuit" in refused
    assert "qubits, one for each bit of the network, got one of 2" in refused
    assert page.button(key="race.train").disabled

    bits = race.base.network.n_bits
    paste(page, PROGRAM.format(bits))
    assert [error.value for error in page.error] == []
    kept = RaceConfig.from_url(str(page.query_params["race"]))
    assert [side.ansatz is None for side in kept.contenders] == [True, False]
    file = kept.contenders[1].ansatz.file  # type: ignore[union-attr]
    name = f"ELBO β=1 · own circuit {file[:4]}"
    assert kept.contenders[1].title == name
    assert kept.base.ansatz.name == "linear"

    again = opened("compare", race=kept.to_url())
    raced = str(press(again, "race.train").query_params["raced"])
    status = services.races().wait(raced, 120)
    assert status.run.state is RunState.FINISHED, status.run.message
    until(again, lambda: f"**{name}**" in words(again))
    runs = [services.store().get(run).config for run in status.kept]
    assert [run.ansatz.name for run in runs] == ["linear", "qasm"]
    assert runs[1].ansatz.file == file
