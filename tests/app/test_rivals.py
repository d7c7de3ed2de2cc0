"""Rivals of a race in the background: what is scored when, what is shared, and what is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from app import rivals
from app.rivals import RivalBoard, Rivals
from qhn_core.errors import Unsupported
from qhn_core.studies.race import race
from qhn_core.studies.race.config import RaceConfig

BASE = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 20},
    "network": {"name": "mlp", "layers": [2, 2, 1]},
    "replicas": 3,
}
SIDES = [{"objective": {"name": "mle"}}, {"objective": {"name": "elbo", "beta": 1.0}}]


def config(*names: str, sides: int = 2, **base: object) -> RaceConfig:
    return RaceConfig.parse({"base": BASE | base, "contenders": SIDES[:sides], "rivals": names})


def eventually(look: Callable[[], Rivals], wanted: Callable[[Rivals], bool]) -> Rivals:
    end = time.monotonic() + 60
    while not wanted(found := look()) and time.monotonic() < end:
        time.sleep(0.02)
    assert wanted(found), found
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "SETTLE", 0.05)


def test_costly_rivals_wait_for_the_end_and_leave_the_cores_to_other_races() -> None:
    racing = threading.Event()
    racing.set()
    board, run = RivalBoard(racing.is_set), config("mean_field", "exact_bayes")
    assert board.of(run, None, ended=False) == Rivals(), "nothing to score before the problems are made"
    setup = race.prepare(run)
    early = eventually(lambda: board.of(run, setup, ended=False), lambda found: bool(found.scores))
    assert ([score.name for score in early.scores], early.scoring) == (["exact_bayes"], False)
    for _ in range(5):
        waiting = board.of(run, setup, ended=True)
        assert ([score.name for score in waiting.scores], waiting.scoring) == (["exact_bayes"], True)
        time.sleep(0.05)
    racing.clear()
    done = eventually(lambda: board.of(run, setup, ended=True), lambda found: not found.scoring)
    assert [score.name for score in done.scores] == ["mean_field", "exact_bayes"], "in the order asked for"
    assert all(score.path is not None or score.trailless for score in done.scores)


def test_races_on_one_problem_share_their_rivals_whatever_races_there() -> None:
    board, one, other = RivalBoard(), config("best_string"), config("best_string", sides=1, steps=3)
    setup = race.prepare(one)
    (first,) = eventually(lambda: board.of(one, setup, ended=True), lambda found: not found.scoring).scores
    assert board.of(other, setup, ended=True).scores == (first,)
    elsewhere = board.of(config("best_string", seed=1), setup, ended=True)
    assert elsewhere.scores != (first,), "other seeds, other draws"


def test_a_rival_that_fails_says_so_beside_those_that_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from qhn_core.baselines.best_string import BestString

    def broken(*_: object, **__: object) -> None:
        raise Unsupported("no strings today")

    monkeypatch.setattr(BestString, "fit_each", broken)
    board, run = RivalBoard(), config("best_string", "exact_bayes")
    setup = race.prepare(run)
    found = eventually(lambda: board.of(run, setup, ended=True), lambda found: not found.scoring)
    assert [score.name for score in found.scores] == ["exact_bayes"]
    (problem,) = found.problems
    assert problem.endswith("no strings today")
