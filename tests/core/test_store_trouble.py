"""What the run store does when disk, database or other processes do not behave."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from qhn_core.errors import StoreError
from qhn_core.store import RunState, RunStore, TakenOver
from qhn_core.store.owner import Owner, machine

CONFIG = '{"dataset": {"name": "xor"}}'
ROOT = Path(__file__).parents[2]


def one_row(step: int) -> dict:
    return {"steps": [step], "rows": {"loss": np.full((1, 2), float(step))}}


@pytest.mark.parametrize("damage", ["garbage", "middle", "short"])
def test_a_damaged_database_is_set_aside_unchanged_and_the_user_is_told(tmp_path, damage):
    store = RunStore(tmp_path)
    run_id = store.create(CONFIG)
    for step in range(0, 4000, 400):
        store.append(run_id, np.arange(step, step + 400), {"loss": np.random.default_rng(0).normal(size=(400, 8))})
    with store.database.write() as db:
        db.execute("SELECT 1")
    store.close()
    path = tmp_path / "runs.sqlite3"
    content = bytearray(path.read_bytes())
    if damage == "garbage":
        content = bytearray(b"this is no database at all" * 500)
    elif damage == "middle":
        content[4096 : len(content) // 2] = os.urandom(len(content) // 2 - 4096)
    else:
        content = content[: len(content) // 3]
    path.write_bytes(content)
    fresh = RunStore(tmp_path)
    assert fresh.list() == []
    aside = [p for p in tmp_path.iterdir() if "damaged" in p.name and p.suffix == ".sqlite3"]
    assert len(aside) == 1
    assert aside[0].read_bytes() == content
    assert aside[0].name in fresh.notices[0]
    assert "new, empty one" in fresh.notices[0]
    assert fresh.get(fresh.create(CONFIG)).state is RunState.QUEUED
    assert RunStore(tmp_path).notices == []


def test_a_second_damage_does_not_overwrite_the_first(tmp_path):
    for number in range(3):
        (tmp_path / "runs.sqlite3").write_bytes(b"rubbish %d" % number * 100)
        RunStore(tmp_path).close()
    kept = {p.read_bytes()[:9] for p in tmp_path.glob("*damaged*.sqlite3")}
    assert kept == {b"rubbish 0", b"rubbish 1", b"rubbish 2"}


def test_two_stores_that_find_the_damage_at_once_set_it_aside_once(tmp_path):
    (tmp_path / "runs.sqlite3").write_bytes(b"rubbish" * 1000)
    stores: list[RunStore] = []
    threads = [threading.Thread(target=lambda: stores.append(RunStore(tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.glob("*damaged*.sqlite3"))) == 1
    run_id = stores[0].create(CONFIG)
    assert all(store.get(run_id).id == run_id for store in stores)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    RunStore(tmp_path).close()
    with sqlite3.connect(tmp_path / "runs.sqlite3") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="newer version of QHN Lab"):
        RunStore(tmp_path)
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "runs.sqlite3") as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    with pytest.raises(StoreError, match="another program"):
        RunStore(tmp_path)
    with sqlite3.connect(tmp_path / "runs.sqlite3") as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_a_folder_that_cannot_be_made_is_named_with_a_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/data cannot be made .*--data"):
        RunStore(tmp_path / "file" / "data")


def test_a_database_that_cannot_be_opened_for_writing_is_named_with_a_remedy(tmp_path):
    (tmp_path / "runs.sqlite3").mkdir()
    with pytest.raises(StoreError, match=r"cannot be opened for writing.*--data"):
        RunStore(tmp_path)


def test_a_read_only_database_is_named_with_a_remedy(tmp_path):
    store = RunStore(tmp_path)
    with store.database.borrowed() as db:
        db.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match=r"cannot be opened for writing.*QHN_DATA"):
        store.create(CONFIG)


def test_a_full_disk_is_reported_and_what_was_written_stays(tmp_path):
    store = RunStore(tmp_path)
    run_id = store.create(CONFIG)
    store.flush(run_id, **one_row(0), arrays={"theta": np.zeros(4)}, step=1)
    with store.database.borrowed() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="disk is full"):
        store.flush(run_id, **one_row(1), arrays={"theta": np.zeros(100_000)}, step=2)
    assert store.get(run_id).step == 1
    assert store.history(run_id).steps.tolist() == [0]
    step, arrays = store.load_checkpoint(run_id)
    assert (step, arrays["theta"].shape) == (1, (4,))
    store.flush(run_id, **one_row(1), arrays={"theta": np.ones(4)}, step=2)  # room again (another connection)
    assert store.get(run_id).step == 2


def test_a_lock_is_waited_for_and_then_reported(tmp_path):
    store = RunStore(tmp_path, timeout=0.3)
    patient = RunStore(tmp_path, timeout=60.0)
    run_id, waiting = store.create(CONFIG), patient.create(CONFIG)
    other = sqlite3.connect(tmp_path / "runs.sqlite3", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program"):
        store.append(run_id, [0], {"loss": np.zeros((1, 1))})
    assert store.get(run_id).id == run_id, "reading goes on"
    timer = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    timer.start()
    patient.append(waiting, [0], {"loss": np.zeros((1, 1))})
    timer.join()
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program"):
        RunStore(tmp_path, timeout=0.2)
    other.close()
    assert list(tmp_path.glob("*damaged*")) == []


def test_threads_write_and_read_at_once(tmp_path):
    store = RunStore(tmp_path)
    ids = [store.create(CONFIG) for _ in range(4)]
    errors: list[BaseException] = []

    def work(run_id: str) -> None:
        try:
            for step in range(30):
                store.flush(run_id, **one_row(step), arrays={"theta": np.full(3, float(step))}, step=step + 1)
                found = store.history(run_id)
                assert found.steps.tolist() == list(range(step + 1))
                assert len(store.list()) == 4
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(run_id,)) for run_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for run_id in ids:
        assert store.load_checkpoint(run_id)[1]["theta"].tolist() == [29, 29, 29]


def run_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


WRITER = """
import sys, numpy as np
from qhn_core.store import RunStore
store = RunStore(sys.argv[1])
run = store.create('{}')
print(run, flush=True)
for step in range(40):
    store.append(run, [step], {"loss": np.full((1, 2), float(step))})
sys.stdin.read()
"""


def test_processes_share_a_folder_and_do_not_take_one_anothers_runs(tmp_path):
    store = RunStore(tmp_path)
    mine = store.create(CONFIG)
    other = run_python(WRITER, str(tmp_path))
    theirs = other.stdout.readline().strip()
    for step in range(40):
        store.append(mine, [step], {"loss": np.full((1, 2), float(step))})
    assert store.mark_interrupted() == ()
    assert store.held_elsewhere(theirs)
    assert not store.held_elsewhere(mine)
    with pytest.raises(StoreError, match=f"process {other.pid}"):
        store.claim(theirs)
    with pytest.raises(StoreError, match="Stop it there first"):
        store.delete(theirs)
    other.kill()
    other.wait()
    assert not store.held_elsewhere(theirs)
    assert store.mark_interrupted() == (theirs,)
    assert store.get(theirs).state is RunState.INTERRUPTED
    assert store.get(mine).state is RunState.QUEUED
    assert store.claim(theirs).id == theirs
    assert store.history(mine).steps.tolist() == list(range(40))


def test_a_run_that_another_took_over_is_not_written_any_more(tmp_path):
    old, new = RunStore(tmp_path), RunStore(tmp_path)
    run_id = old.create(CONFIG)
    with old.database.write() as db:
        db.execute("UPDATE owners SET pid = 999999999 WHERE id = ?", (old.owner.id,))
    new.claim(run_id)
    with pytest.raises(TakenOver, match="no longer writes"):
        old.append(run_id, [0], {"loss": np.zeros((1, 1))})


@pytest.mark.parametrize(
    ("change", "alive"),
    [
        ({}, True),
        ({"pid": 999_999_999}, False),
        ({"started": 12345.0}, False),
        ({"host": "elsewhere"}, True),
        ({"host": "elsewhere", "heartbeat": 5.0}, False),
        ({"heartbeat": 5.0}, True),
    ],
    ids=["same", "no such process", "number used again", "other machine", "other machine, silent", "busy here"],
)
def test_a_process_is_known_by_number_start_and_heartbeat(tmp_path, change, alive):
    gone = RunStore(tmp_path)
    run_id = gone.create(CONFIG)
    store = RunStore(tmp_path)
    with store.database.write() as db:
        for column, value in change.items():
            db.execute(f"UPDATE owners SET {column} = ? WHERE id = ?", (value, gone.owner.id))  # noqa: S608
    assert store.held_elsewhere(run_id) is alive
    assert store.mark_interrupted() == (() if alive else (run_id,))


def test_an_owner_names_this_process():
    owner = Owner()
    assert owner.pid == os.getpid()
    assert owner.started == Owner().started > 0
    assert owner.host == machine()
    assert Owner().id != owner.id


def test_damaged_parts_are_reported_as_such(tmp_path):
    store = RunStore(tmp_path)
    run_id = store.create(CONFIG)
    store.flush(run_id, **one_row(0), arrays={"theta": np.zeros(4)}, step=1)
    with store.database.write() as db:
        db.execute("UPDATE checkpoints SET data = x'0011'")
        db.execute("UPDATE chunks SET data = x'0011'")
    with pytest.raises(StoreError, match="checkpoint is damaged"):
        store.load_checkpoint(run_id)
    with pytest.raises(StoreError, match="history is damaged"):
        store.history(run_id)


@pytest.mark.parametrize(
    "damage",
    [
        "config = 'no json {'",
        "config = x'ff00'",
        "summary = '[1, 2]'",
        "summary = NULL || 'x'",
        "summary = 'nan of it'",
        "state = 'dancing'",
        "created = 'yesterday'",
        "updated = 1e300",
        "steps = 'many'",
        "name = x'c328'",
        "summary = CAST(x'7b22c328223a7b7d' AS TEXT)",
    ],
)
def test_a_damaged_row_hides_no_other_and_can_be_deleted(tmp_path, damage):
    store = RunStore(tmp_path)
    good, bad = store.create(CONFIG, state=RunState.STOPPED), store.create(CONFIG, state=RunState.STOPPED)
    with contextlib.closing(sqlite3.connect(store.path)) as db, db:
        try:
            db.execute(f"UPDATE runs SET {damage} WHERE id = ?", (bad,))  # noqa: S608 -- the lines above
        except sqlite3.IntegrityError:
            db.execute("UPDATE runs SET summary = '' WHERE id = ?", (bad,))
    found = {record.id: record for record in store.list()}
    assert set(found) == {good, bad}
    assert found[good].state is RunState.STOPPED
    assert found[bad].state is RunState.DAMAGED
    assert "can only be deleted" in found[bad].message
    assert not found[bad].state.active
    assert not found[bad].state.resumable
    store.delete(bad)
    assert [record.id for record in store.list()] == [good]


def test_a_clock_that_jumps_does_not_make_a_live_run_look_dead(tmp_path, monkeypatch):
    store = RunStore(tmp_path)
    run = store.create(CONFIG)
    later, now = RunStore(tmp_path), time.time()
    monkeypatch.setattr("time.time", lambda: now + 86_400.0)
    psutil_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: psutil_time(self) + 86_400.0)
    assert later.mark_interrupted() == ()
    assert later.get(run).state is RunState.QUEUED
