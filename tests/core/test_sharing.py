"""Objects made once for all who hold them, and what trainings share."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.errors import Cancelled
from qhn_core.sharing import Shared, held_bytes


def test_bytes_are_counted_once_however_often_an_array_is_reached():
    table = np.zeros((8, 100))
    problem = qhn.problem_from_costs(np.arange(16.0))
    seen: set[int] = set()
    assert held_bytes([table, table[2:5], {"again": (table,)}], seen) == 6400
    assert held_bytes(table, seen) == 0
    assert held_bytes(problem, set()) >= 16 * 8
    assert held_bytes(None, set()) == 0


class Thing:
    """Something large."""


def test_a_thing_is_made_once_while_somebody_holds_it_and_let_go_then():
    shared: Shared[Thing] = Shared()
    first = shared.get("a", Thing)
    assert shared.get("a", Thing) is first
    assert shared.get("b", Thing) is not first
    del first
    gc.collect()
    assert len(shared) == 0


def test_those_who_ask_while_it_is_made_wait_for_it():
    shared, made, gate, found = Shared[Thing](), [], threading.Event(), []

    def make() -> Thing:
        gate.wait(10)
        made.append(1)
        return Thing()

    threads = [threading.Thread(target=lambda: found.append(shared.get("a", make))) for _ in range(6)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(10)
    assert len(made) == 1
    assert len(set(map(id, found))) == 1


def test_who_waits_may_give_up_and_who_is_left_makes_it_where_the_first_failed():
    shared, begun, gate, found = Shared[Thing](), threading.Event(), threading.Event(), []

    def fails() -> Thing:
        begun.set()
        gate.wait(10)
        raise Cancelled("stopped")

    def first() -> None:
        with pytest.raises(Cancelled):
            shared.get("a", fails)

    def gives_up() -> None:
        raise Cancelled("nobody waits")

    making = threading.Thread(target=first)
    making.start()
    assert begun.wait(10)
    with pytest.raises(Cancelled):
        shared.get("a", Thing, tick=gives_up)
    waiting = threading.Thread(target=lambda: found.append(shared.get("a", Thing)))
    waiting.start()
    gate.set()
    making.join(10)
    waiting.join(10)
    assert isinstance(found[0], Thing)


def test_runs_of_equal_problems_share_tables_and_others_do_not():
    base = RunConfig.model_validate({"network": {"name": "mlp", "layers": [2, 1]}, "replicas": 2})
    one = trainer.prepare(base)
    other = base.model_copy(update={"seed": 7, "steps": 3})
    selbo = RunConfig.model_validate(base.model_dump() | {"objective": {"name": "selbo", "gamma": 0.2}})
    for config in (other, selbo):
        again = trainer.prepare(config)
        assert again.problem is one.problem
        assert again.metrics.train is one.metrics.train
        assert again.metrics.kernel is not one.metrics.kernel
    for change in (
        {"prior": {"name": "bernoulli", "rho": 0.3}},
        {"dataset": {"name": "xor", "seed": 5}},
        {"data_draws": 2},
    ):
        different = RunConfig.model_validate(base.model_dump() | change)
        assert trainer.prepare(different).problem is not one.problem
