"""The rows that curves need: found piece by piece as by a slow twin from the whole, and medians as NumPy has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core.runner.recorder import Recorder
from qhn_core.store import Rows, RunStore, thinned
from qhn_core.store.chunks import Block
from qhn_core.store.thinned import Thinned, medians

numbers = st.one_of(st.integers(-3, 3).map(float), st.just(np.nan))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinned, "ALL", 12)
    monkeypatch.setattr("qhn_core.runner.recorder.ALL", 12)
    monkeypatch.setattr(thinned, "STRETCHES", 4)
    monkeypatch.setattr(thinned, "PIECE", 5)


def slow(values: np.ndarray) -> list[int]:
    """The twin: numbers of the rows kept of (T, M, B), from the whole."""
    total = len(values)
    if total <= 12:
        return list(range(total))
    length = 1
    while -(-total // length) > 4:
        length *= 2
    kept = {total - 1, *(2**k - 1 for k in range(20) if 2**k <= total)}
    middle = [[[x for x in row if not np.isnan(x)] for row in column] for column in values.transpose(1, 0, 2)]
    medians = np.array([[np.median(row) if row else np.nan for row in column] for column in middle]).T
    for low in range(0, total, length):
        for column in medians[low : low + length].T:
            known = [(x, low + i) for i, x in enumerate(column) if not np.isnan(x)]
            kept |= {min(known)[1], max(known, key=lambda one: (one[0], -one[1]))[1]} if known else {low}
    return sorted(kept)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    shape=st.tuples(st.integers(0, 70), st.integers(1, 2), st.integers(1, 3)),
    cuts=st.lists(st.integers(0, 70), max_size=8),
)
def test_piece_by_piece_is_as_from_the_whole(data: st.DataObject, shape: tuple[int, int, int], cuts: list[int]) -> None:
    count = int(np.prod(shape))
    values = np.array(data.draw(st.lists(numbers, min_size=count, max_size=count))).reshape(shape)
    found, names = Thinned(), ("a", "b")[: shape[1]]
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), shape[0]], strict=True):
        found.extend(Block(np.arange(first, min(last, shape[0])) * 10, names, values[first:last]))
        if found.count > 0:
            assert (found.rows().steps // 10).tolist() == slow(values[: found.count])
    for i, name in enumerate(names if shape[0] else ()):
        rows = found.rows()
        np.testing.assert_array_equal(rows.history[name], values[rows.steps // 10, i])


@given(st.lists(st.one_of(st.floats(-1e300, 1e300), st.just(np.nan)), min_size=12, max_size=12), st.integers(1, 4))
def test_medians_are_those_of_numpy(drawn: list[float], replicas: int) -> None:
    values = np.array(drawn).reshape(-1, replicas) if 12 % replicas == 0 else np.array(drawn).reshape(-1, 1)
    known = ~np.isnan(values).all(axis=1)
    found = medians(values)
    np.testing.assert_array_equal(found[known], np.nanmedian(values[known], axis=1))
    assert np.isnan(found[~known]).all()


def test_a_run_under_way_and_the_same_run_reopened_show_the_same_rows(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(size=(300, 2, 4))
    recorder, store = Recorder(), RunStore(tmp_path)
    run = store.create("{}")
    seen: list[Rows] = []
    for step in range(300):
        recorder.append(step, {"loss": values[step, 0], "elbo": values[step, 1]})
        if step % 37 == 0:
            seen.append(recorder.curves())
            store.append(run, range(step + 1), recorder.rows().history)
    store.append(run, range(300), recorder.rows().history)
    live, stored = recorder.curves(), store.curves(run)
    assert live.steps.tolist() == stored.steps.tolist() == slow(values)
    for i, name in enumerate(("loss", "elbo")):
        np.testing.assert_array_equal(live.history[name], values[live.steps, i])
        np.testing.assert_array_equal(stored.history[name], values[stored.steps, i])
    assert [len(rows.steps) for rows in seen[:1]] == [1]
    assert seen[3].steps[-1] == 3 * 37
