"""A circuit of one's own in forms: pasted or uploaded, checked as a stranger's, its free angles chosen, trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from qhn_core.ansatze.qasm import example
from qhn_core.config import RunConfig
from qhn_core.uploads import store_upload

MAIN = Path(__file__).parents[2] / "app" / "main.py"
HEAD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
#: Five qubits, as a 2-1-1 network has bits.
TEXT = HEAD + "qreg q[5];\nry(0.3) q;\ncx q[0],q[1];\nrz(1.5) q[2];\n"
SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 5, "replicas": 2}


def opened(config: dict[str, Any]) -> AppTest:
    page = AppTest.from_file(str(MAIN), default_timeout=60)
    page.query_params["config"] = RunConfig.parse(config).to_url()
    return page.run()


def got(page: AppTest) -> RunConfig:
    assert not page.exception
    return RunConfig.from_url(page.query_params["config"])


def own(page: AppTest) -> AppTest:
    page.selectbox(key="form.ansatz").set_value("qasm").run()
    return page


def paste(page: AppTest, text: str) -> AppTest:
    next(area for area in page.text_area if area.label == "OpenQASM 2").set_value(text).run()
    assert not page.exception
    return page


def kept() -> list[str]:
    return [path.read_text() for path in services.uploads().glob("*.qasm")]


def errors(page: AppTest) -> str:
    return " ".join(error.value for error in page.error)


def captions(page: AppTest) -> str:
    return " ".join(caption.value for caption in page.caption)


def test_the_menu_has_an_example_that_follows_the_network(fresh: Path) -> None:
    page = own(opened(SMALL))
    assert got(page).ansatz.name == "qasm"
    assert page.text_area[0].value == example(5)
    assert "5 qubits, 15 angles that can be trained" in captions(page)
    assert page.button(key="train.Train").disabled is False
    text = next(w for w in page.text_input if w.label == "Layers")
    text.set_value("2, 2, 1").run()
    assert page.text_area[0].value == example(9)


def test_a_pasted_circuit_is_kept_by_its_content_and_trained(fresh: Path) -> None:
    page = paste(own(opened(SMALL)), TEXT)
    file = got(page).ansatz.file  # type: ignore[attr-defined]
    assert kept() == [TEXT]
    assert (services.uploads() / f"{file}.qasm").is_file()
    assert "5 qubits, 6 angles that can be trained" in captions(page)
    page.run()
    assert page.text_area[0].value == TEXT
    page.button(key="train.Train").click().run()
    run = str(page.query_params["run"])
    services.supervisor().wait(run, timeout=120)
    assert services.supervisor().store.record(run).config["ansatz"]["file"] == file
    page.run()
    assert not page.exception
    again = opened({**SMALL, "ansatz": {"name": "qasm", "file": file}})
    assert again.text_area[0].value == TEXT


def test_an_uploaded_circuit_goes_before_and_may_then_be_edited(fresh: Path) -> None:
    page = own(opened(SMALL))
    page.file_uploader[0].upload("mine.qasm", TEXT.encode(), "text/plain").run()
    assert kept() == [TEXT]
    page.run()
    assert page.text_area[0].value == TEXT
    edited = TEXT.replace("0.3", "0.4")
    paste(page, edited)
    assert set(kept()) == {TEXT, edited}
    page.run()
    assert page.text_area[0].value == edited, "the file that was given before does not come back"


def test_some_angles_are_chosen(fresh: Path) -> None:
    page = paste(own(opened(SMALL)), TEXT)
    toggle = next(w for w in page.toggle if w.label == "Train all of them")
    toggle.set_value(False).run()
    choice = next(w for w in page.multiselect if w.label == "Trained angles")
    assert len(choice.value) == 6
    choice.set_value([0, 5]).run()
    assert got(page).ansatz.free == (0, 5)  # type: ignore[attr-defined]
    assert "2** parameters" in " ".join(m.value for m in page.markdown)
    paste(page, TEXT.replace("1.5", "1.6"))
    assert got(page).ansatz.free is None, "another program has other angles"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace("rz(1.5)", "rz(1/0)"), "in line 6 an angle, got 1 / 0"),
        (TEXT + "measure", "quantum register"),
        (TEXT + "if(c==1) x q[0];", "line 7: conditions"),
        ("garbage", "line 1"),
        (HEAD + "qreg q[64];" + "h q;" * 5000, "100000 gates"),
        (TEXT + "// \ud800", ""),
    ],
)
def test_what_cannot_be_read_is_said_and_not_used(text: str, words: str, fresh: Path) -> None:
    page = own(opened(SMALL))
    before = got(page)
    if words:
        paste(page, text)
        assert "The text is not used" in errors(page)
        assert words in errors(page)
        assert got(page) == before
        assert not kept()
    else:  # only a browser could send it; the form survives
        paste(page, text.encode("utf-8", "backslashreplace").decode())
        assert len(kept()) == 1


def test_a_circuit_of_another_size_is_refused_with_the_remedy(fresh: Path) -> None:
    page = paste(own(opened(SMALL)), TEXT.replace("q[5]", "q[3]"))
    said = errors(page) + captions(page) + " ".join(m.value for m in page.markdown)
    assert "expected a circuit of 5 qubits, one for each bit of the network, got one of 3" in said
    assert page.button(key="train.Train").disabled


def test_a_file_that_is_not_on_this_server_is_said_on_the_page(fresh: Path) -> None:
    page = opened({**SMALL, "ansatz": {"name": "qasm", "file": "0" * 64}})
    assert not page.exception
    assert "The uploaded circuit with content hash 000000000000… is not on this machine" in errors(page)
    assert page.button(key="train.Train").disabled
    paste(page, TEXT)
    assert page.button(key="train.Train").disabled is False


def test_a_changed_file_is_said_on_the_page(fresh: Path) -> None:
    file = store_upload(services.uploads(), TEXT.encode(), ".qasm")
    (services.uploads() / f"{file}.qasm").write_bytes(b"\xff")
    page = opened({**SMALL, "ansatz": {"name": "qasm", "file": file}})
    assert "a changed file" in errors(page)


def test_compare_races_with_a_circuit_of_ones_own(fresh: Path) -> None:
    page = AppTest.from_file(str(MAIN), default_timeout=60).run()
    page.switch_page("views/compare/page.py").run()
    page.selectbox(key="race.ansatz").set_value("qasm").run()
    assert not page.exception
    assert next(area for area in page.text_area if area.label == "OpenQASM 2").value == example(13)
    menus = [box for box in page.selectbox if box.key and box.key.endswith(".ansatz") and box.key != "race.ansatz"]
    assert menus
    assert all("qasm" not in box.options for box in menus)
