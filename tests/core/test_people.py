"""A class: who gets in, what is kept of the codes, and that nobody sees what is another's."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhn_core.config import RunConfig
from qhn_core.errors import InvalidArgument, QHNError
from qhn_core.runner import RunState, Supervisor
from qhn_core.store import RunStore, UnknownRun
from qhn_core.store.people import LETTERS, Codes, normal
from qhn_core.studies.race.config import Contender, RaceConfig
from qhn_core.studies.race.live import Races

SMALL = RunConfig.model_validate(
    {"network": {"name": "mlp", "layers": [2, 1]}, "steps": 3, "replicas": 2, "dataset": {"name": "xor", "n_train": 8}}
)


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(tmp_path / "data")


def test_codes_open_the_class_and_say_who_is_teacher(store: RunStore) -> None:
    codes = store.people.open_class(seconds=3600)
    assert (len(codes.student), len(codes.teacher)) == (6, 10)
    assert set(codes.student + codes.teacher) <= set(LETTERS)
    ana = store.people.enter(f" {codes.student[:3].lower()}-{codes.student[3:]} ", "Ana\n")
    tom = store.people.enter(codes.teacher, "")
    assert ana is not None
    assert tom is not None
    assert (ana[0].name, ana[0].teacher) == ("Ana", False)
    assert (tom[0].name, tom[0].teacher) == ("Student 2", True)
    assert store.people.who(ana[1]) == ana[0]
    assert [person.name for person in store.people.here()] == ["Ana", "Student 2"]


def test_wrong_codes_and_secrets_open_nothing(store: RunStore) -> None:
    assert store.people.enter("ABCDEF", "x") is None, "no class"
    codes = store.people.open_class(seconds=3600)
    for wrong in ("", codes.student[:-1], codes.student + "A", codes.teacher[:6], "é" * 6, "\ud800" * 6, "A" * 10_000):
        assert store.people.enter(wrong, "x") is None
    for secret in ("", "x", "\ud800", "a" * 100_000):
        assert store.people.who(secret) is None
    assert store.people.here() == []


def test_nothing_that_opens_a_door_is_in_the_database(store: RunStore) -> None:
    codes = store.people.open_class(seconds=3600)
    found = store.people.enter(codes.student, "Ana")
    assert found is not None
    store.close()
    db = sqlite3.connect(store.path)
    everything = b"\n".join(line.encode() for line in db.iterdump())
    for text in (*codes, found[1]):
        assert text.encode() not in everything
        assert text.encode().hex().encode().upper() not in everything.upper()


def test_places_end_with_the_class_and_outlive_a_restart(store: RunStore) -> None:
    codes = store.people.open_class(seconds=3600)
    found = store.people.enter(codes.student, "Ana")
    assert found is not None
    later = RunStore(store.folder)
    again = later.people.open_class(seconds=3600)
    assert again != codes
    assert later.people.enter(codes.student, "x") is None, "the codes are new"
    assert later.people.who(found[1]) == found[0], "the place is kept"
    later.people.close_class()
    assert later.people.who(found[1]) is None
    assert later.people.enter(again.student, "x") is None
    short = later.people.open_class(seconds=0.2)
    gone = later.people.enter(short.student, "Bo")
    time.sleep(0.25)
    assert gone is None or later.people.who(gone[1]) is None
    assert not later.people.is_open()


@given(st.text(max_size=80))
def test_what_is_typed_never_breaks_and_never_grows(text: str) -> None:
    assert len(normal(text)) <= 16


def test_nobody_finds_the_runs_of_another(store: RunStore) -> None:
    ana, bo = store.of("ana"), store.of("bo")
    mine = ana.create(SMALL)
    store.flush(mine, steps=[0], rows={"loss": np.zeros((1, 2))}, state=RunState.STOPPED)
    assert [record.id for record in ana.list()] == [record.id for record in store.list()] == [mine]
    assert store.get(mine).person == "ana"
    assert bo.list() == []
    refused: list[Callable[[], object]] = [
        lambda: bo.get(mine),
        lambda: bo.resolve(mine),
        lambda: bo.resolve(mine[:3]),
        lambda: bo.history(mine),
        lambda: bo.load_checkpoint(mine),
        lambda: bo.export(mine, store.folder),
        lambda: bo.rename(mine, "x"),
        lambda: bo.set_note(mine, "x"),
        lambda: bo.set_pinned(mine),
        lambda: bo.set_state(mine, RunState.FAILED),
        lambda: bo.truncate(mine, 0),
        lambda: bo.claim(mine),
        lambda: bo.held_elsewhere(mine),
        lambda: bo.delete(mine),
    ]
    for act in refused:
        with pytest.raises(UnknownRun):
            act()
    assert ana.get(mine) == store.get(mine)
    assert len(ana.history(mine).steps) == 1


def test_nobody_sees_or_stops_what_another_trains(store: RunStore) -> None:
    everybody = Supervisor(store, 2, flush_seconds=0.05)
    try:
        ana, bo = everybody.of("ana"), everybody.of("bo")
        mine = ana.start(SMALL.model_copy(update={"steps": 100_000}))
        deadline = time.monotonic() + 30
        while ana.status(mine).step == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        refused = (bo.status, bo.pause, bo.resume, bo.step, bo.stop, bo.delete, bo.history, bo.snapshot, bo.open_setup)
        for act in (*refused, bo.wait):
            with pytest.raises(UnknownRun):
                act(mine)
        bo.set_speed(mine, 0.001)
        assert bo.setup(mine) is None
        assert bo.version(mine) is None
        assert bo.active() == []
        assert ana.active() == everybody.active() == [mine]
        assert ana.status(mine).state is RunState.RUNNING
        assert ana.status(mine).speed is None
        everybody.stop(mine)
        assert ana.wait(mine, timeout=30).state is RunState.STOPPED
    finally:
        everybody.shutdown()


def test_nobody_finds_the_races_of_another(store: RunStore) -> None:
    everybody = Races(store)
    try:
        ana, bo = everybody.of("ana"), everybody.of("bo")
        config = RaceConfig(base=SMALL, contenders=(Contender(objective={"name": "mle"}),))
        race = ana.start(config)
        assert everybody.wait(race, timeout=60).run.state is RunState.FINISHED
        assert ana.known(race)
        assert not bo.known(race)
        for act in (bo.status, bo.config, bo.pause, bo.stop, bo.keep, bo.setup, lambda r: bo.history(r, 0)):
            with pytest.raises(InvalidArgument):
                act(race)
        assert [record.person for record in store.list()] == ["ana"]
        assert store.of("bo").list() == []
    finally:
        everybody.shutdown()


def test_a_class_can_be_wiped_with_all_that_its_people_left(store: RunStore) -> None:
    codes = store.people.open_class(seconds=3600)
    found = store.people.enter(codes.student, "Ana")
    assert found is not None
    person = found[0]
    kept, gone = store.create(SMALL), store.of(person.id).create(SMALL)
    store.answers.lock(person.id, "one", "first", kind="number", value=1.0)
    assert store.people.wipe() == 1
    assert [record.id for record in store.list()] == [kept]
    assert store.answers.of_browser(person.id) == []
    with pytest.raises(QHNError):
        store.get(gone)


def test_stores_of_earlier_versions_get_the_new_columns(tmp_path, store: RunStore) -> None:
    run = store.create(SMALL)
    store.close()
    db = sqlite3.connect(store.path)
    db.executescript(
        "DROP TABLE lane_seconds; DROP TABLE lanes; DROP TABLE races;"
        "DROP TABLE people; DROP TABLE classes; DROP INDEX runs_in_order; DROP INDEX runs_of_person;"
        "DROP TABLE states; DROP INDEX runs_of_parent; ALTER TABLE runs DROP COLUMN parent;"
        "ALTER TABLE runs DROP COLUMN forked; ALTER TABLE runs DROP COLUMN kept;"
        "ALTER TABLE runs DROP COLUMN person; PRAGMA user_version = 2;"
    )
    db.close()
    again = RunStore(store.folder)
    assert (again.get(run).person, again.get(run).parent) == ("", "")
    assert again.kept_steps(run).size == 0
    assert isinstance(again.people.open_class(seconds=60), Codes)
    assert again.races.of_run(run) is None
