"""A race as a task: prepare, init and step of all contenders, and what each of them logged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qhn_core.engines.base import PROBABILITIES
from qhn_core.runner.cluster import MOST, SECONDS, Cluster
from qhn_core.runner.slices import Slice
from qhn_core.runner.task import Reached
from qhn_core.store import Parcel
from qhn_core.studies.race.memory import Lane

if TYPE_CHECKING:
    from qhn_core.store import RunStore
    from qhn_core.studies.race.config import RaceConfig
    from qhn_core.studies.race.race import RaceSetup, RaceState
    from qhn_core.trainer import Info


class Racing:
    """What races.

    Args:
        config: the race.
        store: where uploaded files are and, once it is kept, its runs.
        instant: whether it is one of many quick races that are kept in the store only if somebody asks for it.
        kept: the runs that it is in the store, one a contender, if it goes on from there.
        cluster: where its steps are made; None for this machine.
    """

    def __init__(
        self,
        config: RaceConfig,
        store: RunStore,
        *,
        instant: bool = False,
        kept: tuple[str, ...] = (),
        cluster: Cluster | None = None,
    ) -> None:
        self.config, self.instant, self._store = config, instant, store
        #: Whether a contender's step waits for a device.
        self.steps_cannot_be_cut = any(PROBABILITIES not in run.engine.provides for run in config.configs())
        self.lanes = tuple(Lane(config.base.logged_steps) for _ in config.contenders)
        self.setup: RaceSetup | None = None
        self.state: RaceState | None = None
        #: Runs that it is in the store, one a contender; none for an instant race that nobody has kept.
        self.kept = kept
        self._from_store = bool(kept)
        self._cluster = None if self.steps_cannot_be_cut else cluster
        #: What people want of it: one step at a time; nothing more.
        self.one_by_one: Callable[[], bool] = lambda: False
        self.cancelled: Callable[[], bool] = lambda: False
        #: Steps of a slice on a cluster, as many as take a fraction of a second.
        self._pace = 1

    @property
    def way_on(self) -> str:
        """What brings it back after it was set aside, as a sentence."""
        return "Resume goes on." if self.kept else "Train begins anew, with the same numbers."

    @property
    def steps(self) -> int:
        """Updates of each contender."""
        return self.config.base.steps

    def prepare(self, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> RaceSetup:
        """Problems and circuits of all contenders."""
        from qhn_core.studies.race import race

        return race.prepare(self.config, uploads=self._store.uploads, progress=progress, cancelled=cancelled)

    def init(self, setup: RaceSetup) -> RaceState:
        """All contenders at their starts, or where the store has them."""
        from qhn_core.studies.race import race

        return self._recalled(race.init(setup)) if self._from_store else race.init(setup)

    def recall(self) -> None:
        """Read the rows that the store has, and the angles of the checkpoints."""
        self._recalled(None)

    def _recalled(self, start: RaceState | None) -> RaceState:
        """Where the store has every contender; ``start`` stands for those without a checkpoint.

        Rows that a checkpoint has not seen are made again, and come out the same. Contenders may stand at different
        steps, as each can have been trained alone since.
        """
        from qhn_core.studies.race.race import RaceState
        from qhn_core.trainer import TrainState

        states, seconds = [], []
        for i, (run_id, lane) in enumerate(zip(self.kept, self.lanes, strict=True)):
            saved = self._store.load_checkpoint(run_id)
            state = TrainState.from_arrays(saved[1]) if saved is not None else None
            if start is not None:
                state = state or start.states[i]
                self._store.truncate(run_id, int(state.step) + int(state.done))
            if not lane.written:
                rows = self._store.history(run_id)
                lane.recall(rows, self._store.races.seconds(run_id, len(rows.steps)))
            if state is not None:
                lane.angles.append(int(state.step), state.theta)
                states.append(state)
            seconds.append(lane.seconds[-1] if lane.seconds else 0.0)
        return RaceState(tuple(states), tuple(seconds))

    def step(
        self, setup: RaceSetup, state: RaceState
    ) -> tuple[RaceState, tuple[Info | None, ...] | tuple[Slice | None, ...]]:
        """One step of all contenders; on a cluster as many as fit in a fraction of a second, the same for all."""
        from qhn_core.studies.race import race

        return race.step(setup, state) if self._cluster is None else self._remote_step(self._cluster, state)

    def _remote_step(self, cluster: Cluster, state: RaceState) -> tuple[RaceState, tuple[Slice | None, ...]]:
        configs, states, seconds = self.config.configs(), list(state.states), list(state.seconds)
        running = [i for i, side in enumerate(states) if not side.done]
        steps = 1 if self.one_by_one() else self._pace
        runs = [(configs[i].to_json(), states[i].arrays()) for i in running]
        slices: list[Slice | None] = [None] * len(states)
        for i, made in zip(
            running, cluster.advance(runs, steps=steps, seconds=math.inf, cancelled=self.cancelled), strict=True
        ):
            slices[i], states[i] = made, made.state
            seconds[i] += float(made.took[-1])
        longest = max(float(made.took[-1]) for made in slices if made is not None)
        self._pace = int(np.clip(steps * SECONDS / max(longest, 1e-6), 1, min(2 * steps, MOST)))
        return replace(state, states=tuple(states), seconds=tuple(seconds)), tuple(slices)

    def begin(self, setup: RaceSetup, state: RaceState) -> int:
        """Keep set-ups and states."""
        self.setup, self.state = setup, state
        return self._updates(state)

    def record(
        self, before: RaceState, after: RaceState, info: tuple[Info | None, ...] | tuple[Slice | None, ...]
    ) -> Reached:
        """Keep what each contender logged, and its angles and seconds there."""
        for i, (lane, told) in enumerate(zip(self.lanes, info, strict=True)):
            if isinstance(told, Slice):
                for k, step in enumerate(told.steps.tolist()):
                    lane.recorder.append(step, {name: column[k] for name, column in told.rows.items()})
                    lane.seconds.append(before.seconds[i] + float(told.took[k]))
                lane.angles.append(int(told.seen["step"]), told.seen["theta"])
            elif told is not None and told.row is not None:
                lane.recorder.append(told.step, told.row)
                lane.seconds.append(float(after.seconds[i]))
                lane.angles.append(told.step, before.states[i].theta)
        self.state = after
        return Reached(self._updates(after), after.done, "")

    def unwritten(self) -> tuple[Parcel, ...]:
        """Of every contender the rows that the store does not have, and its newest state."""
        return tuple(self._parcel(i) for i in range(len(self.kept)))

    def _parcel(self, contender: int) -> Parcel:
        fresh = self.lanes[contender].fresh()
        parcel = Parcel(self.kept[contender], fresh.steps, fresh.history or None, seconds=fresh.seconds)
        if self.state is None:
            return parcel
        state = self.state.states[contender]
        return replace(parcel, arrays=state.arrays(), step=min(int(state.step), self.steps))

    def written(self, parcels: tuple[Parcel, ...]) -> None:
        """Count the rows that the store has."""
        for lane, parcel in zip(self.lanes, parcels, strict=False):
            lane.written += int(np.size(parcel.steps))

    def memory(self) -> tuple[Any, ...]:
        """Set-ups, states, histories and angles."""
        return self.setup, self.state, self.lanes

    def waiting_bytes(self) -> int:
        """Memory of rows that the store does not have, of a race that it is to have."""
        return sum(lane.recorder.nbytes_from(lane.written) for lane in self.lanes) if self.kept else 0

    def _updates(self, state: RaceState) -> int:
        return min(max(int(side.step) for side in state.states), self.steps)
