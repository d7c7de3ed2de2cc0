"""What the page asks about an uploaded table, and that one choice changes what was decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from qhn_core.config import RunConfig


def form_page() -> None:
    """A page with nothing but a form; runs inside AppTest."""
    from pathlib import Path

    import streamlit as st

    from app import forms
    from qhn_core.config import RunConfig

    form = forms.render(RunConfig.from_url(st.session_state["given"]), uploads=Path(st.session_state["uploads"]))
    st.session_state["problems"] = form.problems
    if form.config is not None:
        st.session_state["given"] = form.config.to_url()


def with_table(text: str, uploads: Path) -> AppTest:
    page = AppTest.from_function(form_page, default_timeout=120)
    page.session_state["given"] = RunConfig().to_url()
    page.session_state["uploads"] = str(uploads)
    page.run()
    page.selectbox(key="form.dataset").set_value("csv").run()
    page.file_uploader(key="form.dataset.csv.sha256.file").upload("mine.data", text.encode(), "text/csv").run()
    return page


def dataset(page: AppTest) -> dict[str, Any]:
    assert not page.exception
    assert page.session_state["problems"] == ()
    return dict(RunConfig.from_url(page.session_state["given"]).dataset.model_dump())


def said(page: AppTest) -> str:
    return " ".join(caption.value for caption in page.caption)


def box(page: AppTest, beginning: str) -> Any:
    return next(widget for widget in page.selectbox if widget.label.startswith(beginning))


PLAIN = "".join(f"{i * 0.37 % 2:.2f},{i * 0.73 % 3:.2f},{'oak' if i % 2 else 'elm'}\n" for i in range(1, 41))


def test_a_header_is_found_missing_and_one_click_says_otherwise(tmp_path: Path) -> None:
    page = with_table(PLAIN, tmp_path)
    toggle = next(widget for widget in page.toggle if widget.label == "Row 1 holds the names")
    assert toggle.value is False
    assert "Row 1 is read as data" in said(page)
    assert (dataset(page)["header"], dataset(page)["target"]) == (False, "column 3")
    toggle.set_value(True).run()
    assert "Row 1 looks like data" in said(page)
    assert (dataset(page)["header"], dataset(page)["target"]) == (True, "oak")


def test_row_numbers_are_left_out_and_can_be_taken_in(tmp_path: Path) -> None:
    rows = "".join(f"{i},{line}\n" for i, line in enumerate(PLAIN.splitlines()))
    page = with_table("Id,a,b,kind\n" + rows, tmp_path)
    assert "'Id' only numbers the rows: left out of the features" in said(page)
    assert page.multiselect[0].value == ["a", "b"]
    assert dataset(page)["features"] == ()
    page.multiselect[0].set_value(["Id", "a"]).run()
    assert dataset(page)["features"] == ("Id", "a")


def test_missing_cells_are_asked_about(tmp_path: Path) -> None:
    page = with_table("a,b,kind\n" + PLAIN.replace("\n0.74,", "\n?,"), tmp_path)
    assert "Missing cells: 1 in 'a'" in said(page)
    assert dataset(page)["missing"] == "rows"
    choice = box(page, "Missing cells: 1 in a")
    assert choice.options == ["Leave their rows out", "Median of the training rows"]
    choice.set_value("median").run()
    assert dataset(page)["missing"] == "median"
    page.multiselect[0].set_value(["b"]).run()
    assert dataset(page)["missing"] == "refuse", "nothing is missing any more"


def test_a_class_called_as_a_missing_cell_is_asked_about(tmp_path: Path) -> None:
    page = with_table("a,b,kind\n" + PLAIN.replace("oak", "None"), tmp_path)
    assert "'None' counts as a class of 'kind'" in said(page)
    assert dataset(page)["unlabelled"] == "class"
    rare = with_table("a,b,kind\n" + PLAIN.replace("oak", "NA", 1).replace("oak", "fir"), tmp_path)
    assert box(rare, "Class column").value == "kind"
    assert dataset(rare)["unlabelled"] == "rows"
    box(rare, "Class 'NA': 1 row").set_value("class").run()
    assert dataset(rare)["unlabelled"] == "class"


def test_an_empty_class_is_left_out_and_one_among_words_too(tmp_path: Path) -> None:
    page = with_table("a,b,kind\n" + PLAIN.replace("oak", "", 1), tmp_path)
    assert "1 row has no class in 'kind': left out" in said(page)
    assert box(page, "Class column").value == "kind"
    assert box(page, "Class empty: 1 row").value == "rows"
    assert dataset(page)["unlabelled"] == "rows"
    words = with_table("a,b,kind\n" + PLAIN.replace("oak", "", 1).replace("oak", "None"), tmp_path)
    assert box(words, "Class 'None'").value == "class"
    assert dataset(words)["unlabelled"] == "class"


def test_how_a_cost_file_is_read_is_said(tmp_path: Path) -> None:
    page = AppTest.from_function(form_page, default_timeout=120)
    page.session_state["given"] = RunConfig.parse({"dataset": "cost_table", "network": None}).to_url()
    page.session_state["uploads"] = str(tmp_path)
    page.run()
    page.file_uploader(key="form.dataset.cost_table.sha256.file").upload(
        "costs.txt", b"01,5\n00,3\n11,2\n10,1", "text/plain"
    ).run()
    assert "read as a bitstring, wire 0 first, and its cost a line" in said(page)
