"""A run as far as it has come, for the pictures of a lesson."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qhn_core import trainer
from qhn_core.analysis.boundary import DecisionGrid
from qhn_core.config import RunConfig
from qhn_core.errors import Cancelled
from qhn_core.lessons.outcome import Handed, Watch
from qhn_core.metrics import median_start

Array = NDArray[np.float64]
#: Metrics whose course is kept, each the median over starts.
METRICS = (
    "loss",
    "nll_train",
    "nll_test",
    "predictive_nll_train",
    "predictive_nll_test",
    "accuracy_train",
    "accuracy_test",
    "entropy_bits",
    "effective_networks",
    "kl_prior",
    "kl_posterior",
    "mmd2",
    "elbo",
    "grad_norm",
    "cost_gap",
)


@dataclass(eq=False)
class Course:
    """One contender's run so far."""

    name: str
    config: RunConfig
    steps: list[int] = field(default_factory=list)
    rows: list[dict[str, Array]] = field(default_factory=list)
    theta: Array | None = None
    probs: Array | None = None
    state: trainer.TrainState | None = None
    label: str = ""  #: what it is called in pictures

    def metric(self, name: str) -> Array:
        """Median over starts at each logged step, (T,); of effective networks 2^H, H that of the entropies."""
        if name == "effective_networks":
            return np.exp2(self.metric("entropy_bits"))
        return np.array([np.median(row[name]) for row in self.rows])

    @cached_property
    def setup(self) -> trainer.Setup:
        """Data, circuit and tables; made when first needed."""
        return trainer.prepare(self.config)

    @cached_property
    def grid(self) -> DecisionGrid:
        """Where its predictions are drawn; for two inputs only."""
        return DecisionGrid(self.setup.problem, resolution=40)

    def handed(self) -> Handed | None:
        """The run as it stands, to go on from; None before its first step."""
        if self.state is None or not self.rows:
            return None
        history = {name: np.stack([row[name] for row in self.rows]) for name in self.rows[0]}
        return Handed(self.config, self.state, np.array(self.steps, dtype=np.int64), history)

    def middle(self) -> int:
        """The start of median final loss."""
        return median_start(self.rows[-1]["loss"])


def train_course(course: Course, watch: Watch, *, until: int | None = None) -> Iterator[int]:
    """Train to the end, or to a step; yields the number of each step made. Raises Cancelled where nobody waits."""
    state = trainer.init(course.setup)
    while not state.done:
        check_waiting(watch)
        course.theta = state.theta
        state, info = trainer.step(course.setup, state)
        course.state = state
        if info.row is not None:
            course.steps.append(info.step)
            course.rows.append(info.row)
            course.probs = info.probs
        yield info.step
        if until is not None and info.step >= until:
            return


def check_waiting(watch: Watch) -> None:
    """Raise Cancelled where nobody waits any more."""
    if watch.cancelled():
        raise Cancelled("Nobody waits for this experiment any more.")
