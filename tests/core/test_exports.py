"""Exports piece by piece: the same text as a slow twin's that writes number by number, and drafts that are cleared."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core.store import RunStore, exports, history
from qhn_core.store.chunks import Block, Rows, to_rows

CONFIG = '{"steps": 3}'


def slow_csv(run: str, rows: Rows) -> str:
    """The twin: a line a step and replica, each number by itself."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(rows.history)
    writer.writerow(["run", "step", "replica", *names])
    for t, step in enumerate(rows.steps.tolist()):
        columns = [rows.history[name][t].tolist() for name in names]
        for replica, cells in enumerate(zip(*columns, strict=True)):
            writer.writerow([run, step, replica, *("" if math.isnan(cell) else repr(cell) for cell in cells)])
    return out.getvalue()


def slow_json(rows: Rows) -> dict[str, list[list[float | None]]]:
    """The twin of JSON's history; what is not finite is null."""
    return {
        name: [[x if math.isfinite(x) else None for x in row] for row in column.tolist()]
        for name, column in rows.history.items()
    }


numbers = st.one_of(
    st.floats(width=64),
    st.sampled_from(
        [0.0, -0.0, 1e-4, 9.999999999999999e-05, 1e16, 9999999999999998.0, 5e-324, 1e22, math.inf, math.nan]
    ),
)


@st.composite
def blocks(draw: st.DrawFn) -> list[Block]:
    """A history in some blocks, of which later ones may have other metrics and replicas."""
    made, step = [], 0
    for _ in range(draw(st.integers(0, 3))):
        rows, replicas = draw(st.integers(1, 4)), draw(st.integers(1, 3))
        names = draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True))
        count = rows * len(names) * replicas
        values = np.array(draw(st.lists(numbers, min_size=count, max_size=count)))
        steps = np.arange(step, step + 2 * rows, 2)
        made.append(Block(steps, tuple(names), values.reshape(rows, len(names), replicas)))
        step += 2 * rows
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("exports"))


@settings(max_examples=60, deadline=None)
@given(made=blocks(), lines=st.sampled_from([1, 4, 4096]))
def test_pieces_are_the_slow_twins_text(store: RunStore, made: list[Block], lines: int) -> None:
    run = store.create(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exports, "LINES", lines)
        patch.setattr(exports, "VALUES", 16)
        patch.setattr(history, "MOST_BYTES", 64)
        with store.database.write() as db:
            for block in made:
                history.append(db, run, block, {})
        rows = to_rows(made)
        assert b"".join(store.export_parts(run)[1]).decode() == slow_csv(run, rows)
        found = json.loads(b"".join(store.export_parts(run, format="json")[1]))
        assert found["steps"] == rows.steps.tolist()
        assert found["history"] == slow_json(rows)
        table = exports.table_of(rows)
        assert b"".join(exports.csv_parts(store.get(run), table)).decode() == slow_csv(run, rows)


def test_a_zip_archive_is_made_piece_by_piece_and_is_whole(store: RunStore) -> None:
    ids = [store.create(CONFIG) for _ in range(2)]
    for number, run in enumerate(ids):
        store.append(run, range(3000), {"loss": np.random.default_rng(number).normal(size=(3000, 4))})
    name, parts = store.export_parts(ids)
    pieces = list(parts)
    assert name == "qhn-runs-csv.zip"
    assert len(pieces) > 4
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        for run in ids:
            (name,) = (entry for entry in archive.namelist() if run in entry)
            assert archive.read(name).decode() == slow_csv(run, store.history(run))


def test_drafts_of_killed_exports_are_cleared_and_those_under_way_stay(store: RunStore, tmp_path: Path) -> None:
    run = store.create(CONFIG)
    store.append(run, [0], {"loss": [[1.0]]})
    left, under_way = tmp_path / ".export-11111111", tmp_path / ".export-22222222"
    for draft in (left, under_way):
        draft.write_text("half a tab")
    os.utime(left, (time.time() - 3600,) * 2)
    path = store.export(run, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {under_way.name, path.name}
