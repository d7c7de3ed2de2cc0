"""The class as the experiment: one race, of which every student gets one draw of the data or one start.

Races are started here, on the server, and belong to the students: each sees their own, and one whose browser is lost
counts as soon as it has ended. Who comes later gets the next number.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app import race_state, services
from app.classroom import Classroom
from qhn_core.errors import QHNError
from qhn_core.metrics import values_of
from qhn_core.runner import RunState
from qhn_core.store.people import Person
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.shares import Found, Unit, share_of


@dataclass(frozen=True)
class Share:
    """One student's part.

    Args:
        number: which unit of the race.
        config: the race of this unit.
        race: its id; empty while it could not begin.
        problem: why not.
    """

    number: int
    config: RaceConfig
    race: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Standing:
    """How many shares have ended, are under way, were stopped or failed, or could not begin."""

    finished: int
    active: int
    lost: int
    waiting: int

    @property
    def total(self) -> int:
        """All shares."""
        return self.finished + self.active + self.lost + self.waiting


class Experiment:
    """A race shared out over a class; safe for threads.

    Args:
        room: the class.
        race: the race of all, whose first contender is the reference.
        unit: what everybody gets one of.
        metric: what is judged, set before anything begins.
    """

    def __init__(self, room: Classroom, race: RaceConfig, *, unit: Unit, metric: str) -> None:
        share_of(race, 0, unit)  # refused before anybody is told
        self.room, self.race, self.unit, self.metric = room, race, unit, metric
        self.titles = tuple(contender.title for contender in race.contenders)
        self._guard = threading.Lock()
        self._shares: dict[str, Share] = {}
        self._found: dict[str, Found] = {}
        #: Whether the teacher has closed it: who has not finished is left out, and nobody begins.
        self.closed = False

    def begin(self) -> None:
        """Give everybody who is in the class their share, and open it on every screen."""
        self.catch_up()
        self.room.send("compare", {}, own=self.parameters)

    def catch_up(self) -> None:
        """Give a share to whoever has none that began."""
        for person in () if self.closed else self.room.students():
            self.share(person)

    def share(self, person: Person) -> Share:
        """What somebody has to do; begun the first time that it is asked for, and again where it could not begin."""
        with self._guard:
            known = self._shares.get(person.id)
            if known is not None and known.race:
                return known
            number = known.number if known is not None else len(self._shares)
            config = share_of(self.race, number, self.unit)
            try:
                found = Share(number, config, race=services.shared_races().of(person.id).start(config))
            except QHNError as error:
                found = Share(number, config, problem=str(error))
            self._shares[person.id] = found
            return found

    def parameters(self, person: Person) -> Mapping[str, str]:
        """The address of somebody's own race."""
        share = self.share(person)
        link = {race_state.RACE: share.config.to_url()}
        return link | {race_state.RACED: share.race} if share.race else link

    def standing(self) -> Standing:
        """How far the class is; takes in what has ended since."""
        with self._guard:
            shares = dict(self._shares)
        counts = dict.fromkeys(("finished", "active", "lost", "waiting"), 0)
        for owner, share in shares.items():
            counts[self._state(owner, share)] += 1
        return Standing(**counts)

    def found(self) -> list[Found]:
        """What has ended, in the order in which it came in."""
        with self._guard:
            return list(self._found.values())

    def _state(self, owner: str, share: Share) -> str:
        if owner in self._found:
            return "finished"
        if self.closed or not share.race:
            return "lost" if self.closed else "waiting"
        races = services.shared_races()
        try:
            state = races.status(share.race).run.state
            if state is RunState.FINISHED:
                found = {title: self._values(share, i) for i, title in enumerate(self.titles)}
                with self._guard:
                    self._found[owner] = found
                return "finished"
        except QHNError:  # its runs were deleted
            return "lost"
        return "active" if state.active else "lost"

    def _values(self, share: Share, contender: int) -> Mapping[str, float]:
        """The metric at the step judged, mean over starts; NaN where the race does not have it."""
        rows = services.shared_races().history(share.race, contender)
        values = values_of(rows.history, self.metric)
        if values is None or not len(rows.steps):
            return {self.metric: float("nan")}
        at = int(np.searchsorted(rows.steps, self.race.judged_at, side="right")) - 1
        return {self.metric: float(np.mean(values[at]))}


#: The experiment of this server's class, once there is one.
_current: list[Experiment] = []


def current(room: Classroom) -> Experiment | None:
    """The class's experiment; None for none."""
    return _current[0] if _current and _current[0].room is room else None


def begin(room: Classroom, race: RaceConfig, *, unit: Unit, metric: str) -> Experiment:
    """Make the class an experiment, in place of any before; QHNError where the race cannot be shared out so."""
    made = Experiment(room, race, unit=unit, metric=metric)
    _current[:] = [made]
    made.begin()
    return made


def forget() -> None:
    """Back to no experiment; races that were begun go on."""
    _current.clear()
