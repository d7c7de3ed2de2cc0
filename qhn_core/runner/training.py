"""A run's training as a task: prepare, init and step of the trainer, and the history in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qhn_core.engines.base import PROBABILITIES
from qhn_core.runner.cluster import MOST, Cluster
from qhn_core.runner.helpers import Helpers
from qhn_core.runner.recorder import Recorder
from qhn_core.runner.slices import Slice
from qhn_core.runner.status import Snapshot
from qhn_core.runner.task import Reached
from qhn_core.runner.trail import Trail, stride
from qhn_core.runner.twins import Steps, Twins
from qhn_core.store import Parcel

if TYPE_CHECKING:
    from qhn_core.config import RunConfig
    from qhn_core.store import RunStore
    from qhn_core.trainer import Info, Setup, TrainState


class Training:
    """What trains one run.

    Args:
        run_id, config: the run.
        store: where its checkpoint and uploaded files are.
        from_store: whether to go on from the store's checkpoint.
        setup: what an earlier worker prepared for this run, if it is still there.
        cluster: where its steps are made; None for this machine.
    """

    way_on = "Resume goes on."

    def __init__(
        self,
        run_id: str,
        config: RunConfig,
        store: RunStore,
        *,
        from_store: bool = False,
        setup: Setup | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        self.run_id, self.config, self.from_store = run_id, config, from_store
        self._text = config.to_json()
        self._store = store
        self.setup = setup
        self.state: TrainState | None = None
        self.recorder = Recorder(config.logged_steps)
        self._written_rows = 0
        self.trail: Trail | None = None
        self._seen: Snapshot | None = None
        # What a device's step sends leaves from this machine, which knows the credentials.
        self._cluster = None if self.steps_cannot_be_cut else cluster
        #: What people want of it: one step at a time; nothing more.
        self.one_by_one: Callable[[], bool] = lambda: False
        self.cancelled: Callable[[], bool] = lambda: False
        #: Number of the process that made the newest steps, of a cluster or a helper; 0 for this one.
        self.process = 0
        #: Processes of this machine that make its turns where ``crowded()`` says for how many seconds each lasts.
        self.helpers: Helpers | None = None
        self.crowded: Callable[[], float | None] = lambda: None
        #: What it shares with runs of equal configuration from when it is one of a crowd until it is done.
        self.twins: Twins | None = None
        self._shares = False

    @property
    def steps(self) -> int:
        """Updates in all."""
        return self.config.steps

    @property
    def steps_cannot_be_cut(self) -> bool:
        """Whether a step waits for a device."""
        return PROBABILITIES not in self.config.engine.provides

    def prepare(self, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> Setup:
        """Data, likelihood table, circuit, engine and metrics."""
        from qhn_core import trainer

        if self.setup is not None:
            return self.setup
        return trainer.prepare(self.config, uploads=Path(self._store.uploads), progress=progress, cancelled=cancelled)

    def init(self, setup: Setup) -> TrainState:
        """The start, or the checkpoint. Rows that it has not seen are made again, and come out the same."""
        from qhn_core import trainer

        saved = self._store.load_checkpoint(self.run_id) if self.from_store else None
        state = trainer.init(setup) if saved is None else trainer.TrainState.from_arrays(saved[1])
        if self.from_store:
            self._store.truncate(self.run_id, int(state.step) + int(state.done))
            self.recorder.extend(self._store.history(self.run_id))
        return state

    def step(self, setup: Setup, state: TrainState) -> tuple[TrainState, Info | Slice]:
        """One step of training; on a cluster, or as one of a crowd, as many as fit in a fraction of a second."""
        from qhn_core import trainer

        if self._cluster is not None:
            return self._on_cluster(self._cluster, state)
        if self.steps_cannot_be_cut or self.one_by_one():
            return trainer.step(setup, state)
        seconds = self.crowded()
        self._shares = self._shares or seconds is not None
        if self.twins is None or self.twins.runs < 2 or not self._shares:
            made = self._turn(setup, state, seconds)
        else:
            made = self.twins.steps(
                state, lambda: self._turn(setup, state, seconds), self.cancelled, every=self._every()
            )
        return made.state, made.info

    def _on_cluster(self, cluster: Cluster, state: TrainState) -> tuple[TrainState, Slice]:
        steps = 1 if self.one_by_one() else MOST
        (made,) = cluster.advance(
            [(self._text, state.arrays())], steps=steps, every=self._every(), cancelled=self.cancelled
        )
        return made.state, made

    def _turn(self, setup: Setup, state: TrainState, seconds: float | None) -> Steps:
        """What a turn of so many seconds brings: a slice made by a process beside this one, or a step made here."""
        from qhn_core import trainer

        made = None
        if self.helpers is not None and seconds is not None:
            made = self.helpers.advance(
                self._text, state.arrays(), steps=MOST, seconds=seconds, every=self._every(), cancelled=self.cancelled
            )
        return Steps(*trainer.step(setup, state)) if made is None else Steps(made.state, made)

    def _every(self) -> int:
        """Steps from one kept state to the next; 0 for none."""
        return self.trail.every if self.trail is not None else 0

    def begin(self, setup: Setup, state: TrainState) -> int:
        """Keep set-up and state."""
        self.setup, self.state, self._written_rows = setup, state, len(self.recorder)
        self.trail = Trail(stride(self.config, state))
        return self._updates(state)

    def record(self, before: TrainState, after: TrainState, info: Info | Slice) -> Reached:
        """Keep the logged rows, if there are some, and the newest state."""
        if isinstance(info, Slice):
            for i, step in enumerate(info.steps.tolist()):
                self.recorder.append(step, {name: column[i] for name, column in info.rows.items()})
            for state in info.kept:
                self._keep(state, last=info.done and state is info.kept[-1])
            seen = info.seen
            self._seen = Snapshot(int(seen["step"]), seen["theta"], seen.get("probs"), seen.get("bits"))
            self.process = info.process
        else:
            if info.row is not None:
                self.recorder.append(int(before.step), info.row)
                self._keep(before, last=info.done)
            self._seen = Snapshot(int(before.step), before.theta, info.probs, info.bits)
            self.process = 0
        self.state = after
        if info.done:
            self.twins = None
        return Reached(self._updates(after), info.done, info.reason or "")

    def _keep(self, state: TrainState, *, last: bool) -> None:
        if self.trail is not None:
            self.trail.keep(state, last=last)

    def unwritten(self) -> tuple[Parcel, ...]:
        """Rows that the store does not have, and the newest state."""
        fresh, state = self.recorder.slice(self._written_rows, len(self.recorder)), self.state
        if state is None:
            return (Parcel(self.run_id),)
        rows = fresh.history or None
        kept = tuple((state.step, state.arrays()) for state in self.waiting_states())
        return (Parcel(self.run_id, fresh.steps, rows, state.arrays(), self._updates(state), kept=kept),)

    def written(self, parcels: tuple[Parcel, ...]) -> None:
        """Count the rows that the store has, and let go of the states that it has."""
        self._written_rows += sum(np.size(parcel.steps) for parcel in parcels)
        if self.trail is not None:
            self.trail.written(sum(len(parcel.kept) for parcel in parcels))

    def memory(self) -> tuple[Any, ...]:
        """Set-up, state and history."""
        return self.setup, self.state, self.recorder, self.trail, self.twins

    def waiting_bytes(self) -> int:
        """Memory of rows that the store does not have."""
        return self.recorder.nbytes_from(self._written_rows)

    def waiting_states(self) -> tuple[TrainState, ...]:
        """States to keep that the store does not have yet, oldest first."""
        return () if self.trail is None else self.trail.waiting()

    def _updates(self, state: TrainState) -> int:
        return min(int(state.step), self.config.steps)

    def snapshot(self) -> Snapshot | None:
        """Angles of the last step seen, with its probabilities or strings; None before the first."""
        if self._seen is not None:
            return self._seen
        return None if self.state is None else Snapshot(int(self.state.step), self.state.theta)
