"""Scores of classical rivals for the race on the page, worked out in the background and shared between races."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.jobs import Job, Jobs, Watch
from qhn_core.baselines import BASELINES
from qhn_core.errors import Cancelled, QHNError

if TYPE_CHECKING:
    from qhn_core.studies.race.config import RaceConfig
    from qhn_core.studies.race.race import RaceSetup
    from qhn_core.studies.rivals import RivalScore

log = logging.getLogger(__name__)

#: Rivals that read the table which the race has made anyway: scored at once, the others when the race has ended.
AT_ONCE = ("best_string", "exact_bayes")
#: Seconds after a race's end before the costly rivals begin, so that pages draw the end first; and the longest that
#: they give way to races that follow it.
SETTLE, PATIENCE = 1.0, 30.0
#: Problems whose scores are kept, and calculations that may wait for their turn.
_KEPT, _WAITING = 8, 32


@dataclass(frozen=True)
class Rivals:
    """The rivals of a race, as far as they are scored.

    Args:
        scores: one per rival that is ready, in the order asked for.
        problems: why others have none.
        scoring: whether more will come without anybody doing anything.
    """

    scores: tuple[RivalScore, ...] = ()
    problems: tuple[str, ...] = ()
    scoring: bool = False


class RivalBoard:
    """Scores by problem, the newest kept; one rival is fitted at a time.

    Args:
        racing: whether a race is in work, to which the costly rivals leave the cores for a while.
    """

    def __init__(self, racing: Callable[[], bool] = lambda: False) -> None:
        self._racing = racing
        self._jobs = Jobs(keep=2 * _KEPT, workers=_WAITING)
        self._one_at_a_time = threading.Lock()

    def of(self, config: RaceConfig, setup: RaceSetup | None, *, ended: bool) -> Rivals:
        """The scores on the race's problem so far; the first request sets the work going. Returns at once.

        Args:
            config: the race.
            setup: its problems; without them there is nothing to score yet.
            ended: whether it computes no more, so that the costly rivals may take the cores.
        """
        if setup is None:
            return Rivals()
        early = tuple(name for name in config.rivals if name in AT_ONCE)
        late = tuple(name for name in config.rivals if name not in AT_ONCE)
        seen = [self._look(early, config, setup, courteous=False)] if early else []
        if late and ended:
            seen.append(self._look(late, config, setup, courteous=True))
        found = [job.result or job.partial or Rivals() for job in seen]
        place = {name: i for i, name in enumerate(config.rivals)}
        scores = sorted((score for part in found for score in part.scores), key=lambda score: place[score.name])
        problems = tuple(text for part in found for text in part.problems)
        return Rivals(tuple(scores), problems, scoring=ended and not all(job.ready for job in seen))

    def _look(self, names: tuple[str, ...], config: RaceConfig, setup: RaceSetup, *, courteous: bool) -> Job:
        work = partial(self._score_all, names, config, setup, courteous)
        return self._jobs.get((_key(config), names), work, patience=0.0)

    def _score_all(
        self, names: Iterable[str], config: RaceConfig, setup: RaceSetup, courteous: bool, watch: Watch
    ) -> Rivals:
        if courteous:
            self._give_way(watch)
        found = Rivals()
        for name in names:
            with self._one_at_a_time:
                if watch.cancelled():
                    raise Cancelled("nobody waits for the rivals")
                scores, problems = _score(name, config, setup)
            found = Rivals((*found.scores, *scores), (*found.problems, *problems))
            watch.share(found)
        return found

    def _give_way(self, watch: Watch) -> None:
        end = time.monotonic() + PATIENCE
        time.sleep(SETTLE)
        while self._racing() and time.monotonic() < end and not watch.cancelled():
            time.sleep(0.1)


def _score(name: str, config: RaceConfig, setup: RaceSetup) -> tuple[tuple[RivalScore, ...], tuple[str, ...]]:
    """The score of one rival, or why there is none."""
    from qhn_core.studies.rivals import budget_of, score_rivals

    base, first = config.base, setup.setups[0]
    try:
        scores = score_rivals(
            [name],
            first.problem,
            first.metrics,
            replicas=base.replicas,
            seed=base.seed,
            follow=True,
            evaluations=budget_of(first.config, first.plan, first.n_train),
            batch=first.config.batch,
        )
        return tuple(scores), ()
    except QHNError as error:
        label, text = BASELINES.make(name).label, str(error)
        return (), (text if text.startswith(label) else f"{label}: {text}",)
    except Exception as error:
        log.exception("rival %s failed", name)
        return (), (f"{BASELINES.make(name).label}: {type(error).__name__}: {error}",)


def _key(config: RaceConfig) -> str:
    plain = config.base.to_dict()
    kept = {k: plain.get(k) for k in ("dataset", "network", "prior", "replicas", "seed", "data_draws")}
    return json.dumps(kept, sort_keys=True)


@st.cache_resource(show_spinner=False)
def board() -> RivalBoard:
    """The rivals of this server's races."""
    from app import services

    return RivalBoard(services.shared_races().racing)
