"""When the server tidies up, and what it lets go then."""

from __future__ import annotations

import gc
import weakref
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from app.figure_cache import FigureCache
from app.housekeeping import Housekeeping, tidy
from qhn_core.store.chunks import Rows
from qhn_core.store.history_cache import HistoryCache


def moments(loads: list[float], *, rest: float = 100.0) -> list[int]:
    """The looks, ten seconds apart, at which it tidied up, where so much of a core was used before each."""
    house, found, used = Housekeeping(lambda: found.append(0), rest=rest), [], 0.0
    tidied = []
    for k, load in enumerate(loads, start=1):
        used += 10.0 * load
        if house.look(10.0 * k, used):
            tidied.append(k)
    assert len(found) == len(tidied)
    return tidied


def test_once_in_a_rest_that_follows_work() -> None:
    work, rest = [1.0] * 5, [0.0] * 30
    assert moments([*work, *rest, *work, *rest]) == [15, 50]


def test_not_where_hardly_anything_was_done() -> None:
    assert moments([0.2, *[0.0] * 100]) == []


@given(some.lists(some.sampled_from([0.0, 0.04, 0.3, 1.0]), max_size=60))
def test_never_within_a_rest_s_length_of_work_nor_twice_without_some_between(loads: list[float]) -> None:
    tidied = moments(loads)
    for k in tidied:
        assert max(loads[k - 10 : k], default=0.0) < 0.05
    for a, b in pairwise(tidied):
        assert sum(loads[a:b]) * 10 >= 5.0


class Loop:
    """Something that holds itself."""

    def __init__(self) -> None:
        self.me = self


def test_caches_are_empty_after_it_and_circles_gone() -> None:
    figures, histories = FigureCache(), HistoryCache()
    figures.get(("a",), 1, lambda: b"figure", every=0.0)
    histories.get(("run",), 1.0, lambda: Rows(np.arange(3), {"loss": np.zeros((3, 2))}))
    gc.disable()
    try:
        gone = weakref.ref(Loop())
        tidy(figures.clear, histories.clear)
        assert gone() is None
    finally:
        gc.enable()
    read: list[str] = []

    def again() -> bytes:
        read.append("figure")
        return b"figure"

    def rows() -> Rows:
        read.append("rows")
        return Rows(np.arange(3), {"loss": np.zeros((3, 2))})

    figures.get(("a",), 1, again, every=0.0)
    histories.get(("run",), 1.0, rows)
    assert read == ["figure", "rows"]
