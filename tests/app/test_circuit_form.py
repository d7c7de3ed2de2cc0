"""A circuit of one's own in forms: pasted or uploaded, checked as a stranger's, its free angles chosen, trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from qhn_core.ansatze.qasm import example
from qhn_core.config import RunConfig
from qhn_core.uploads import store_upload

HEAD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
#: Five qubits, as a 2-1-1 network has bits.
TEXT = HEAD + "qreg q[5];\nry(0.3) q;\ncx q[0],q[1];\nrz(1.5) q[2];\n"
SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 5, "replicas": 2}


def form_page() -> None:
    """A page with nothing but a form; runs inside AppTest."""
    from pathlib import Path

    import streamlit as st

    from app import forms
    from qhn_core.config import RunConfig

    leave_out = ("objective",) if st.session_state["prefix"] == "race" else ()
    form = forms.render(
        RunConfig.from_url(st.session_state["given"]),
        uploads=Path(st.session_state["uploads"]),
        key=st.session_state["prefix"],
        leave_out=leave_out,
    )
    st.session_state["problems"] = form.problems
    st.session_state["ready"] = form.ready
    st.session_state["params"] = None if form.plan is None else form.plan.n_params
    if form.config is not None:
        st.session_state["given"] = form.config.to_url()


def opened(uploads: Path, config: dict[str, Any] = SMALL, prefix: str = "form") -> AppTest:
    page = AppTest.from_function(form_page, default_timeout=120)
    page.session_state["given"] = RunConfig.parse(config).to_url()
    page.session_state["uploads"] = str(uploads)
    page.session_state["prefix"] = prefix
    return page.run()


def got(page: AppTest) -> RunConfig:
    assert not page.exception
    return RunConfig.from_url(page.session_state["given"])


def own(page: AppTest) -> AppTest:
    page.selectbox(key="form.ansatz").set_value("qasm").run()
    return page


def paste(page: AppTest, text: str) -> AppTest:
    next(area for area in page.text_area if area.label == "OpenQASM 2").set_value(text).run()
    assert not page.exception
    return page


def kept(uploads: Path) -> set[str]:
    return {path.read_text() for path in uploads.glob("*.qasm")}


def errors(page: AppTest) -> str:
    return " ".join(error.value for error in page.error)


def captions(page: AppTest) -> str:
    return " ".join(caption.value for caption in page.caption)


@pytest.mark.parametrize("prefix", ["form", "race"])
def test_the_menu_has_an_example_that_follows_the_network(prefix: str, tmp_path: Path) -> None:
    page = opened(tmp_path, prefix=prefix)
    page.selectbox(key=f"{prefix}.ansatz").set_value("qasm").run()
    assert got(page).ansatz.name == "qasm"
    assert page.text_area[0].value == example(5)
    assert "5 qubits, 15 angles that can be trained" in captions(page)
    assert page.session_state["ready"]
    next(w for w in page.text_input if w.label == "Layers").set_value("2, 2, 1").run()
    assert page.text_area[0].value == example(9)


def test_a_pasted_circuit_is_kept_by_its_content_and_named_by_the_link(tmp_path: Path) -> None:
    page = paste(own(opened(tmp_path)), TEXT)
    file = got(page).ansatz.file  # type: ignore[attr-defined]
    assert (tmp_path / f"{file}.qasm").read_text() == TEXT
    assert "5 qubits, 6 angles that can be trained" in captions(page)
    assert page.session_state["ready"], page.session_state["problems"]
    assert page.session_state["params"] == 6
    page.run()
    assert page.text_area[0].value == TEXT
    link = opened(tmp_path, got(page).to_dict())
    assert link.text_area[0].value == TEXT
    assert got(link) == got(page)


def test_an_uploaded_circuit_may_be_edited_and_does_not_come_back(tmp_path: Path) -> None:
    page = own(opened(tmp_path))
    page.file_uploader[0].upload("mine.qasm", TEXT.encode(), "text/plain").run()
    assert kept(tmp_path) == {TEXT}
    page.run()
    assert page.text_area[0].value == TEXT
    edited = TEXT.replace("0.3", "0.4")
    paste(page, edited)
    assert kept(tmp_path) == {TEXT, edited}
    page.run()
    assert page.text_area[0].value == edited


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    page = own(opened(tmp_path))
    page.file_uploader[0].upload("mine.qasm", b"OPENQASM 2.0;\xff", "text/plain").run()
    assert "mine.qasm is not used" in errors(page)
    assert "UTF-8" in errors(page)
    assert not kept(tmp_path)


def test_some_angles_are_chosen(tmp_path: Path) -> None:
    page = paste(own(opened(tmp_path)), TEXT)
    next(w for w in page.toggle if w.label == "Train all of them").set_value(False).run()
    choice = next(w for w in page.multiselect if w.label == "Trained angles")
    assert len(choice.value) == 6
    choice.set_value([0, 5]).run()
    assert got(page).ansatz.free == (0, 5)  # type: ignore[attr-defined]
    assert page.session_state["params"] == 2
    paste(page, TEXT.replace("1.5", "1.6"))
    assert got(page).ansatz.free is None, "another program has other angles"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace("rz(1.5)", "rz(1/0)"), "in line 6 an angle, got 1 / 0"),
        (TEXT + "measure q[0];", "in line 7"),
        (TEXT + "if(c==1) x q[0];", "line 7: conditions"),
        ("garbage", "in line 1"),
        (HEAD + "qreg q[64];" + "h q;" * 5000, "100000 gates"),
    ],
    ids=["domain", "measure", "condition", "garbage", "too many"],
)
def test_what_cannot_be_read_is_said_and_not_used(text: str, words: str, tmp_path: Path) -> None:
    page = own(opened(tmp_path))
    before = got(page)
    paste(page, text)
    assert "The text is not used" in errors(page)
    assert words in errors(page)
    assert got(page) == before
    assert not kept(tmp_path)


def test_what_is_typed_after_what_was_just_typed_is_taken_too(tmp_path: Path) -> None:
    page = own(opened(tmp_path))
    for angle in ("0.4", "0.5", "0.6"):
        paste(page, TEXT.replace("0.3", angle))
        assert angle in (tmp_path / f"{got(page).ansatz.file}.qasm").read_text()  # type: ignore[attr-defined]


def test_a_circuit_of_another_size_is_refused_with_the_remedy(tmp_path: Path) -> None:
    page = paste(own(opened(tmp_path)), TEXT.replace("q[5]", "q[3]"))
    assert "a circuit of 5 qubits, one for each bit of the network, got one of 3" in page.session_state["problems"][0]
    assert "Choose a network of 3 bits" in page.session_state["problems"][0]
    assert not page.session_state["ready"]


def test_a_file_that_is_not_on_this_server_is_said_on_the_page(tmp_path: Path) -> None:
    page = opened(tmp_path, {**SMALL, "ansatz": {"name": "qasm", "file": "0" * 64}})
    assert not page.exception
    assert "The uploaded circuit with content hash 000000000000… is not on this machine" in errors(page)
    assert "The place for it is under Circuit" in page.session_state["problems"][0]
    paste(page, TEXT)
    assert page.session_state["ready"], page.session_state["problems"]


def test_a_changed_file_is_said_on_the_page(tmp_path: Path) -> None:
    file = store_upload(tmp_path, TEXT.encode(), ".qasm")
    (tmp_path / f"{file}.qasm").write_bytes(b"\xff")
    page = opened(tmp_path, {**SMALL, "ansatz": {"name": "qasm", "file": file}})
    assert not page.exception
    assert "a changed file" in errors(page)
