"""The run store: runs, histories, checkpoints, names, exports."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import sqlite3
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qhn_core.errors import InvalidArgument, StoreError, TooLarge
from qhn_core.store import RunState, RunStore, UnknownRun, data_dir, history
from qhn_core.store.checkpoint import unpack
from qhn_core.store.chunks import Rows
from qhn_core.store.history_cache import HistoryCache
from qhn_core.store.rows import default_name

CONFIG = '{"dataset": {"name": "xor"}, "objective": {"name": "elbo"}, "ansatz": {"name": "linear"}, "steps": 9}'


@pytest.fixture
def store(tmp_path):
    made = RunStore(tmp_path / "data")
    yield made
    made.close()


def rows(first: int, last: int, *, replicas: int = 2, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng([seed, first])
    steps = np.arange(first, last)
    names = ("loss", "accuracy_test", "kl_prior")
    return steps, {name: rng.normal(size=(len(steps), replicas)) for name in names}


def test_data_folder_is_argument_then_variable_then_user_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("QHN_DATA", str(tmp_path / "variable"))
    assert data_dir(tmp_path / "argument") == tmp_path / "argument"
    assert data_dir() == tmp_path / "variable"
    monkeypatch.delenv("QHN_DATA")
    assert data_dir().name == "qhn-lab"
    assert RunStore(tmp_path / "argument").uploads == tmp_path / "argument" / "uploads"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "ELBO β=0.3 · xor, 20 · 2-3-1"),
        ({"objective": {"name": "mle"}}, "MLE · xor, 20 · 2-3-1"),
        ({"objective": {"name": "selbo", "lam": 1.0}, "network": {"layers": [2, 2, 1]}}, "SELBO λ=1 · xor, 20 · 2-2-1"),
        (
            {"objective": {"name": "from tomorrow"}, "dataset": {"name": "moons", "n_train": 7}},
            "from tomorrow · moons, 7 · 2-3-1",
        ),
        ({"objective": None, "network": None, "dataset": {"name": "cost_table"}}, "cost_table"),
    ],
)
def test_a_run_is_named_after_what_tells_it_from_others(changes, name):
    plain = {"objective": {"name": "elbo", "beta": 0.3}, "dataset": {"name": "xor", "n_train": 20}}
    assert default_name(json.dumps({**plain, "network": {"name": "mlp", "layers": [2, 3, 1]}, **changes})) == name


def test_a_new_run_is_listed_with_what_it_was_given(store):
    run_id = store.create(CONFIG, steps=9)
    named = store.create(CONFIG, steps=9, name="mine")
    record = store.get(run_id)
    assert (record.name, record.state, record.steps, record.step) == (
        "ELBO β=1 · xor",
        RunState.QUEUED,
        9,
        0,
    )
    assert json.loads(record.config_json) == json.loads(CONFIG)
    assert [r.id for r in store.list()] == [named, run_id]
    assert store.list(limit=1)[0].name == "mine"
    assert store.list(states=[RunState.FINISHED]) == []
    assert record.created.utcoffset().total_seconds() == 0


def test_ids_are_safe_in_links_and_commands_and_found_by_their_beginning(store):
    ids = {store.create(CONFIG) for _ in range(40)}
    assert len(ids) == 40
    assert all(len(i) == 8 and i.isalnum() and i == i.lower() for i in ids)
    one = ids.pop()
    assert store.resolve(one) == store.resolve(one[:7]) == one
    with pytest.raises(UnknownRun, match="no run 'zzzzzzzzz'"):
        store.resolve("zzzzzzzzz")
    with pytest.raises(UnknownRun):
        store.resolve("")
    shared = next(c for c in "23456789abcdefghjkmnpqrstuvwxyz" if sum(i.startswith(c) for i in ids) > 1)
    with pytest.raises(InvalidArgument, match="beginning of one run"):
        store.resolve(shared)


def test_names_notes_and_pins_are_kept_and_bounded(store):
    first, second = store.create(CONFIG), store.create(CONFIG)
    store.rename(first, "  a\x00b\u202ec ")
    store.set_note(first, "line one\nline two")
    store.set_pinned(first)
    assert [r.id for r in store.list()] == [first, second]
    assert store.get(first).name == "abc"
    assert store.get(first).note == "line one\nline two"
    store.rename(first, "")
    assert store.get(first).name == "ELBO β=1 · xor"
    store.set_pinned(first, False)
    assert [r.id for r in store.list()] == [second, first]
    with pytest.raises(InvalidArgument, match="at most 200"):
        store.rename(first, "x" * 201)
    with pytest.raises(InvalidArgument, match="at most 20000"):
        store.set_note(first, "x" * 20_001)
    with pytest.raises(TooLarge, match="characters"):
        store.create('{"a": "' + "x" * 2**20 + '"}')


def test_an_unknown_run_is_refused_by_every_method(store):
    for call in (
        store.get,
        store.history,
        store.load_checkpoint,
        store.delete,
        store.claim,
        lambda i: store.rename(i, "x"),
        lambda i: store.append(i, *rows(0, 2)),
        lambda i: store.set_state(i, RunState.STOPPED),
        lambda i: store.export(i, store.folder),
    ):
        with pytest.raises(UnknownRun, match="nothere"):
            call("nothere")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_appended_in_any_portions_is_read_back_bit_by_bit(tmp_path_factory, data):
    store = RunStore(tmp_path_factory.mktemp("store"))
    run_id = store.create(CONFIG)
    replicas = data.draw(st.integers(1, 4))
    steps = np.cumsum(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=30))) - 1
    values = data.draw(hnp.arrays(np.float64, (2, len(steps), replicas), elements=st.floats(width=64)))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(steps) - 1)), max_size=4)) - {len(steps)})
    for a, b in zip([0, *cuts], [*cuts, len(steps)], strict=True):
        store.append(run_id, steps[a:b], {"loss": values[0, a:b], "elbo": values[1, a:b]})
    since = data.draw(st.integers(0, int(steps[-1]) + 1))
    found = store.history(run_id, since)
    kept = steps >= since
    assert found.steps.tolist() == steps[kept].tolist()
    if kept.any():
        for i, name in enumerate(("loss", "elbo")):
            assert found.history[name].tobytes() == values[i][kept].tobytes()
    store.close()


def test_large_histories_become_several_chunks_and_small_ones_one(store):
    run_id = store.create(CONFIG)
    for first in range(0, 400, 10):
        steps = np.arange(first, first + 10)
        store.append(run_id, steps, {"loss": np.full((10, 64), 1.0 * first)})
    with store.database.read() as db:
        sizes = [row[0] for row in db.execute("SELECT length(data) FROM chunks WHERE run_id = ?", (run_id,))]
    assert 2 <= len(sizes) <= 8, "40 appends of 5 kB each"
    assert store.history(run_id).steps.tolist() == list(range(400))
    assert store.history(run_id, 395).history["loss"].shape == (5, 64)


def test_rows_made_again_replace_the_old_ones_and_the_summary_follows(store):
    run_id = store.create(CONFIG)
    store.append(run_id, np.arange(6), {"loss": np.array([5.0, 4, 3, 2, 1, 0.5])})
    assert store.get(run_id).summary["loss"] == {"final": 0.5, "best": 0.5, "best_step": 5}
    store.append(run_id, [3, 4], {"loss": np.array([9.0, 8])})
    found = store.history(run_id)
    assert found.steps.tolist() == [0, 1, 2, 3, 4]
    assert found.history["loss"][:, 0].tolist() == [5, 4, 3, 9, 8]
    assert store.get(run_id).summary["loss"] == {"final": 8.0, "best": 3.0, "best_step": 2}
    store.truncate(run_id, 2)
    assert store.history(run_id).steps.tolist() == [0, 1]
    store.truncate(run_id, 0)
    assert len(store.history(run_id).steps) == 0
    assert store.get(run_id).summary == {}


def test_summary_is_the_mean_over_replicas_with_a_best_where_that_means_something(store):
    run_id = store.create(CONFIG)
    columns = {
        "loss": [[3.0, 1.0], [1.0, 1.0], [2.0, 2.0]],
        "accuracy_test": [[0.5, 0.7], [0.9, 0.7], [0.6, 0.6]],
        "entropy_bits": [[3.0, 3.0], [2.0, 2.0], [1.0, 1.0]],
        "kl_posterior": [[math.nan, 4.0], [math.nan, 2.0], [math.nan, 3.0]],
        "mmd2": [[math.nan] * 2] * 3,
    }
    store.append(run_id, [0, 5, 9], {name: np.array(column) for name, column in columns.items()})
    record = store.get(run_id)
    assert record.summary["loss"] == {"final": 2.0, "best": 1.0, "best_step": 5}
    assert record.best("accuracy_test") == pytest.approx(0.8)
    assert record.summary["entropy_bits"] == {"final": 1.0}
    assert record.summary["kl_posterior"] == {"final": 3.0, "best": 2.0, "best_step": 5}
    assert math.isnan(record.final("mmd2"))
    assert math.isnan(record.best("entropy_bits"))


def test_metrics_that_come_later_are_nan_before(store):
    run_id = store.create(CONFIG)
    store.append(run_id, [0, 1], {"loss": np.ones((2, 3))})
    store.append(run_id, [2], {"loss": np.ones((1, 3)), "elbo": np.zeros((1, 3))})
    found = store.history(run_id)
    assert found.history["loss"].shape == found.history["elbo"].shape == (3, 3)
    assert np.isnan(found.history["elbo"][:2]).all()


@pytest.mark.parametrize(
    ("steps", "columns", "what"),
    [
        ([1, 1], {"loss": np.zeros((2, 1))}, "strictly increasing"),
        ([-1], {"loss": np.zeros((1, 1))}, "strictly increasing"),
        ([0, 1], {"loss": np.zeros((3, 1))}, "shape"),
        ([0, 1], {"loss": np.zeros((2, 1)), "elbo": np.zeros((2, 2))}, "elbo"),
    ],
)
def test_rows_of_wrong_shape_are_refused(store, steps, columns, what):
    run_id = store.create(CONFIG)
    with pytest.raises(InvalidArgument, match=what):
        store.append(run_id, steps, columns)


@settings(max_examples=30, deadline=None)
@given(
    arrays=st.dictionaries(
        st.text("abc.", min_size=1, max_size=5),
        st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_]).flatmap(
            lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
        ),
        min_size=1,
        max_size=4,
    )
)
def test_checkpoints_come_back_exactly(tmp_path_factory, arrays):
    store = RunStore(tmp_path_factory.mktemp("store"))
    run_id = store.create(CONFIG)
    assert store.load_checkpoint(run_id) is None
    store.checkpoint(run_id, {"old": np.zeros(3)}, 1)
    store.checkpoint(run_id, arrays, 7)
    step, found = store.load_checkpoint(run_id)
    assert step == store.get(run_id).step == 7
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
        assert found[name].flags.writeable
    store.close()


def test_a_write_is_all_or_nothing(store):
    run_id = store.create(CONFIG)
    store.flush(run_id, steps=[0], rows={"loss": np.ones((1, 1))}, arrays={"theta": np.zeros(2)}, step=1)
    enormous = np.broadcast_to(np.zeros(1), (2**26,))  # a quarter of this is the limit
    with pytest.raises(TooLarge, match="MB"):
        store.flush(run_id, steps=[1], rows={"loss": np.ones((1, 1))}, arrays={"theta": enormous}, step=2)
    assert store.get(run_id).step == 1
    assert store.history(run_id).steps.tolist() == [0]


def test_deleting_a_run_leaves_nothing_of_it(store):
    run_id, other = store.create(CONFIG), store.create(CONFIG)
    for i in (run_id, other):
        store.flush(i, steps=[0], rows={"loss": np.ones((1, 1))}, arrays={"theta": np.zeros(2)}, step=1)
    with pytest.raises(StoreError, match="queued in this program"):
        store.delete(run_id)
    store.set_state(run_id, RunState.STOPPED)
    store.delete(run_id)
    with store.database.read() as db:
        for table, column in (("runs", "id"), ("chunks", "run_id"), ("checkpoints", "run_id")):
            assert [r[0] for r in db.execute(f"SELECT {column} FROM {table}")] == [other]  # noqa: S608


def test_csv_has_a_line_for_each_step_and_replica_and_all_digits(store, tmp_path):
    run_id = store.create(CONFIG, name="My run; rm -rf / é")
    values = np.array([[0.1, 1 / 3], [math.nan, 2e-300]])
    store.append(run_id, [0, 5], {"loss": values, "elbo": -values})
    path = store.export(run_id, tmp_path / "out")
    assert path == tmp_path / "out" / f"my-run-rm-rf-{run_id}.csv"
    lines = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [(x["run"], x["step"], x["replica"]) for x in lines] == [
        (run_id, step, replica) for step in ("0", "5") for replica in ("0", "1")
    ]
    assert [x["loss"] for x in lines] == ["0.1", repr(1 / 3), "", "2e-300"]
    assert [float(x["elbo"] or "nan") for x in lines][:2] == [-0.1, -1 / 3]
    assert list(path.parent.iterdir()) == [path]


def test_json_holds_config_and_history_with_null_for_nan(store, tmp_path):
    run_id = store.create(CONFIG)
    store.append(run_id, [0, 5], {"loss": np.array([[0.1, math.nan], [math.inf, 2.0]])})
    text = store.export(run_id, tmp_path, format="json").read_text(encoding="utf-8")
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert found["config"] == json.loads(CONFIG)
    assert found["steps"] == [0, 5]
    assert found["history"] == {"loss": [[0.1, None], [None, 2.0]]}
    assert found["id"] == run_id


def test_several_runs_become_one_archive(store):
    ids = [store.create(CONFIG) for _ in range(3)]
    for i in ids:
        store.append(i, *rows(0, 4))
    out = io.BytesIO()
    assert store.export_to([*ids, ids[0]], out, format="json") == "qhn-runs-json.zip"
    with zipfile.ZipFile(out) as archive:
        assert {json.loads(archive.read(name))["id"] for name in archive.namelist()} == set(ids)
    with pytest.raises(InvalidArgument, match="csv or json"):
        store.export(ids, store.folder, format="xlsx")
    with pytest.raises(InvalidArgument, match="at least one"):
        store.export([], store.folder)


def test_an_export_that_fails_leaves_no_file(store, tmp_path):
    run_id = store.create(CONFIG)
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(StoreError, match="failed"):
        store.export(run_id, blocked / "sub")
    with pytest.raises(UnknownRun):
        store.export([run_id, "nothere"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("begun_before", [False, True])
def test_the_file_shrinks_when_runs_are_deleted(tmp_path, begun_before):
    store = RunStore(tmp_path)
    if begun_before:  # by a version that did not ask for it
        store.close()
        with contextlib.closing(sqlite3.connect(store.path)) as db:
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("PRAGMA auto_vacuum = NONE")
            db.execute("VACUUM")
        store = RunStore(tmp_path)
    rows = {"loss": np.random.default_rng(0).random((2000, 64))}
    runs = [store.create("{}", state=RunState.FINISHED, steps=2000) for _ in range(8)]
    for run in runs:
        store.append(run, range(2000), rows)
    store.close()
    full = store.path.stat().st_size
    for run in runs[1:]:
        store.delete(run)
    store.close()
    assert store.path.stat().st_size < full / 3
    np.testing.assert_array_equal(store.history(runs[0]).history["loss"], rows["loss"])


def test_lists_come_from_an_index_without_sorting(tmp_path):
    store = RunStore(tmp_path)
    for person in ("", "ana"):
        where = "person = 'ana'" if person else "1"
        query = f"SELECT id FROM runs WHERE {where} ORDER BY pinned DESC, created DESC, id LIMIT 9"  # noqa: S608
        plan = f"EXPLAIN QUERY PLAN {query}"
        with contextlib.closing(sqlite3.connect(store.path)) as db:
            steps = " ".join(row[3] for row in db.execute(plan))
        assert "USING" in steps
        assert "TEMP B-TREE" not in steps


def test_a_history_is_read_once_until_it_changes(store, monkeypatch):
    run = store.create(CONFIG)
    rows = np.random.default_rng(1).random((500, 3))
    store.append(run, range(500), {"loss": rows, "elbo": -rows})
    reads: list[str] = []
    original = history.curves
    monkeypatch.setattr(history, "curves", lambda db, run_id: reads.append(run_id) or original(db, run_id))
    for _ in range(3):
        found = store.curves(run)
        np.testing.assert_array_equal(found.history["elbo"], -rows)
        assert found.steps.tolist() == list(range(500))
    assert reads == [run]
    with pytest.raises(ValueError, match="read-only"):
        found.history["loss"][0] = 1.0
    store.append(run, [500], {"loss": rows[:1], "elbo": rows[:1]})
    assert len(store.curves(run).steps) == 501
    store.truncate(run, 100)
    assert store.curves(run).steps[-1] == 99
    assert len(reads) == 3
    np.testing.assert_array_equal(store.columns(run, ["elbo", "absent"]).history["elbo"], -rows[:100])
    assert list(store.columns(run, ["elbo", "absent"]).history) == ["elbo"]
    for read in (store.of("another").curves, store.of("another").history):
        with pytest.raises(UnknownRun):
            read(run)


def test_histories_are_kept_by_bytes(store):
    def rows(count: int) -> Rows:
        return Rows(np.arange(count), {"loss": np.zeros((count, 1))})

    cache, reads = HistoryCache(most_bytes=16 * 250), []

    def get(run: str, count: int) -> int:
        return len(cache.get((run,), 1.0, lambda: reads.append(run) or rows(count)).steps)

    assert [get("a", 100), get("b", 100), get("a", 100)] == [100, 100, 100]
    assert reads == ["a", "b"]
    assert get("c", 100) == 100
    assert get("a", 100) == 100
    assert reads == ["a", "b", "c"], "b was asked for longest ago"
    assert [get("long", 1000), get("long", 1000)] == [1000, 1000]
    assert reads[-2:] == ["long", "long"], "too long to be kept"
    assert get("a", 100) == 100
    assert reads[-1] == "long"


def test_a_checkpoint_of_numbers_that_numpy_does_not_have_is_damaged():
    head = json.dumps({"theta": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    with pytest.raises(StoreError, match="checkpoint is damaged"):
        unpack(struct.pack("<Q", len(head)) + head + bytes(2))
