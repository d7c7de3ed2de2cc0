"""What pages that refresh by themselves rest on: jobs that hold still while a page is drawn, fragments told apart."""

from __future__ import annotations

import ast
import threading
import tomllib
from pathlib import Path
from typing import Any

from app.jobs import Jobs

ROOT = Path(__file__).parents[2]


def test_a_job_does_not_change_while_a_page_is_drawn() -> None:
    """Else the charts could be drawn without the result, and the page, asking at its end, would not look again."""
    jobs, gate = Jobs(), threading.Event()

    def slow(watch: Any) -> str:
        gate.wait(10)
        return "found"

    seen = jobs.get(("k",), slow, patience=0.01)
    gate.set()
    assert seen.done.wait(10)
    assert (seen.ready, seen.result) == (False, None)
    later = jobs.get(("k",), slow)
    assert (later.ready, later.result) == (True, "found")


def test_a_job_given_up_while_somebody_asks_is_begun_anew() -> None:
    jobs, begun = Jobs(), threading.Event()

    def given_up(watch: Any) -> None:
        from qhn_core.errors import Cancelled

        begun.wait(10)
        raise Cancelled("nobody waits")

    seen = jobs.get(("k",), given_up, patience=0.01)
    begun.set()
    assert seen.done.wait(10)
    assert jobs.known(("k",)) is None
    assert jobs.get(("k",), lambda watch: "found", patience=5.0).result == "found"

    late = Jobs()
    asked = late.get(("k",), given_up, patience=5.0)
    assert not asked.ready, "the page has to ask again"


def test_fragments_of_different_pages_have_different_names() -> None:
    """Streamlit tells fragments apart by function name and place; pages all run as the module ``__main__``.

    With equal names a refresh that was asked for by the page left last would be answered by the page opened next, as
    part of the page left.
    """
    names = [
        ast.unparse(node.args[0])
        for file in sorted((ROOT / "app").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.fragment"
    ]
    assert len(names) >= 5
    assert len(names) == len(set(names))


def test_no_message_is_sent_as_a_reference() -> None:
    """References outlive the containers that they belong in when a fragment starts again early: a blank page."""
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["global"]["minCachedMessageSize"] > 2**32  # bytes; no protobuf message is as large
