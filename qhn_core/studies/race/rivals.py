"""Scores of classical rivals for races, worked out in the background and shared between races on the same problem."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from qhn_core.baselines import BASELINES
from qhn_core.errors import QHNError
from qhn_core.studies.rivals import RivalScore, score_rivals

if TYPE_CHECKING:
    from qhn_core.studies.race.config import RaceConfig
    from qhn_core.studies.race.race import RaceSetup

log = logging.getLogger(__name__)

_KEPT = 8
#: Rivals that read the table which the race has made anyway: scored at once, the others when the race has ended.
_AT_ONCE = ("best_string", "exact_bayes")
#: Seconds after a race's end before the costly rivals begin, so that pages draw the end first; and the longest that
#: they give way to races that follow it.
_SETTLE, _PATIENCE = 1.0, 30.0


class RivalScores:
    """The scores so far on one problem. Written by one thread, read by many."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        #: One per rival that is ready, in the order asked for.
        self.scores: tuple[RivalScore, ...] = ()
        #: Why rivals have no score.
        self.problems: tuple[str, ...] = ()
        self.done = threading.Event()
        #: Set when the race has ended, so that the costly rivals may take the cores.
        self.idle = threading.Event()

    def take(self, found: list[RivalScore]) -> None:
        """Add scores."""
        place = {name: i for i, name in enumerate(self.names)}
        self.scores = tuple(sorted((*self.scores, *found), key=lambda score: place[score.name]))


class RivalBoard:
    """Scores by problem, the newest kept; one rival is fitted at a time.

    Args:
        racing: whether a race is in work, to which the costly rivals leave the cores for a while.
    """

    def __init__(self, racing: Callable[[], bool] = lambda: False) -> None:
        self._racing = racing
        self._guard, self._one_at_a_time = threading.Lock(), threading.Lock()
        self._known: OrderedDict[str, RivalScores] = OrderedDict()

    def of(self, config: RaceConfig, setup: RaceSetup) -> RivalScores:
        """The scores on the race's problem; the first request sets the work going."""
        key = _key(config)
        with self._guard:
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = RivalScores(config.rivals)
                thread = threading.Thread(
                    target=self._work, args=(found, config, setup), name="qhn-race-rivals", daemon=True
                )
                thread.start()
            self._known.move_to_end(key)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return found

    def _work(self, board: RivalScores, config: RaceConfig, setup: RaceSetup) -> None:
        first = setup.setups[0]
        early = [name for name in board.names if name in _AT_ONCE]
        late = [name for name in board.names if name not in _AT_ONCE]
        try:
            for name in early:
                with self._one_at_a_time:
                    self._score(board, name, config, first)
            if late:
                board.idle.wait()
                self._give_way()
            for name in late:
                with self._one_at_a_time:
                    self._score(board, name, config, first)
        finally:
            board.done.set()

    def _give_way(self) -> None:
        end = time.monotonic() + _PATIENCE
        time.sleep(_SETTLE)
        while self._racing() and time.monotonic() < end:
            time.sleep(0.1)

    def _score(self, board: RivalScores, name: str, config: RaceConfig, first) -> None:  # type: ignore[no-untyped-def]
        base = config.base
        try:
            found = score_rivals(
                [name], first.problem, first.metrics, replicas=base.replicas, seed=base.seed, follow=True
            )
            board.take(found)
        except QHNError as error:
            board.problems = (*board.problems, f"{BASELINES.make(name).label}: {error}")
        except Exception as error:
            log.exception("rival %s failed", name)
            board.problems = (*board.problems, f"{BASELINES.make(name).label}: {type(error).__name__}: {error}")


def _key(config: RaceConfig) -> str:
    plain = config.base.to_dict()
    kept = {k: plain.get(k) for k in ("dataset", "network", "prior", "replicas", "seed", "data_draws")}
    return json.dumps([kept, config.rivals], sort_keys=True)
