"""Answers to lessons in the store: locked, found again by another process, exported, cleared, bounded."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from qhn_core.errors import InvalidArgument, TooLarge
from qhn_core.store import RunStore, schema
from qhn_core.store import answers as module
from qhn_core.store.answers import is_browser, new_browser

ME, OTHER = "a" * 22, "b" * 22


def test_the_first_answer_counts_and_is_found_by_another_store(tmp_path: Path) -> None:
    answers = RunStore(tmp_path).answers
    first = answers.lock(ME, "born-rule", "draw", kind="curve", value=[0.5, 0.25], sure=2)
    second = answers.lock(ME, "born-rule", "draw", kind="curve", value=[0.9, 0.9], sure=0)
    assert first == second
    found = RunStore(tmp_path).answers.of_browser(ME)
    assert [(a.value, a.sure, a.correct) for a in found] == [([0.5, 0.25], 2, None)]


def test_each_browser_has_its_own(tmp_path: Path) -> None:
    answers = RunStore(tmp_path).answers
    answers.lock(ME, "one", "a", kind="number", value=3.0)
    answers.lock(OTHER, "one", "a", kind="number", value=4.0)
    answers.visit(ME, "one", "a")
    assert [a.value for a in answers.of_browser(OTHER)] == [4.0]
    assert sorted(a.value for a in answers.of_step("one", "a")) == [3.0, 4.0]
    assert json.loads(answers.export(ME))["answers"][0]["answer"] == 3.0
    assert answers.clear(ME) == 1
    assert answers.of_browser(ME) == []
    assert answers.places(ME) == {}
    assert len(answers.of_browser(OTHER)) == 1


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"browser": "me"}, "browser"),
        ({"browser": "x' OR '1'='1' --------"}, "browser"),
        ({"lesson": "../etc"}, "lesson"),
        ({"step": ""}, "step"),
        ({"kind": "essay"}, "kind"),
        ({"value": float("nan")}, "value"),
        ({"sure": 7}, "sure"),
    ],
)
def test_what_cannot_be_an_answer_is_named(tmp_path: Path, change: dict, names: str) -> None:
    good = {"browser": ME, "lesson": "one", "step": "a", "kind": "number", "value": 1.0, "sure": 1}
    bad = good | change
    with pytest.raises(InvalidArgument) as error:
        RunStore(tmp_path).answers.lock(bad.pop("browser"), bad.pop("lesson"), bad.pop("step"), **bad)
    assert error.value.argument == names


def test_answers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = RunStore(tmp_path).answers
    with pytest.raises(TooLarge):
        answers.lock(ME, "one", "a", kind="curve", value=[0.123456789] * 1000)
    monkeypatch.setattr(module, "MOST", 3)
    for k in range(3):
        answers.lock(ME, "one", f"s{k}", kind="number", value=1)
    with pytest.raises(TooLarge, match="Clear"):
        answers.lock(ME, "one", "s9", kind="number", value=1)


def test_browsers_longest_away_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BROWSERS", 2)
    answers = RunStore(tmp_path).answers
    ids = [new_browser() for _ in range(5)]
    for browser in ids:
        answers.visit(browser, "one", "a")
        answers.lock(browser, "one", "a", kind="number", value=1)
    assert [bool(answers.places(i)) for i in ids] == [False, False, False, True, True]
    assert not answers.of_browser(ids[0])


def test_a_store_of_the_first_version_gets_the_new_tables(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "runs.sqlite3") as db:
        db.executescript(schema._TABLES + "PRAGMA user_version = 1;")
    answers = RunStore(tmp_path).answers
    answers.lock(ME, "one", "a", kind="choice", value="yes")
    assert answers.of_browser(ME)[0].value == "yes"


def test_ids_are_random_and_recognised() -> None:
    ids = {new_browser() for _ in range(50)}
    assert len(ids) == 50
    assert all(map(is_browser, ids))
    assert not is_browser(None)
    assert not is_browser("short")
