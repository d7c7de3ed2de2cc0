"""What the Train page shows: a run, or the preview of a configuration, in one shape for all charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.pictures import SHOTS, measure
from qhn_core.config import RunConfig
from qhn_core.runner import RunState, RunStatus

if TYPE_CHECKING:
    from qhn_core.problems.problem import Problem
    from qhn_core.trainer import Setup

Array = NDArray[np.float64]
#: States in which a run makes steps, or is about to.
_MOVING = (RunState.QUEUED, RunState.PREPARING, RunState.RUNNING)


@dataclass(frozen=True, eq=False)
class Shown:
    """A run at its newest step, or a preview at step 0.

    Args:
        key: what figures are cached under.
        config: what is trained.
        status: None for a preview.
        steps, history: logged rows, of a long run those that its curves need; name -> (T, B).
        setup: problem and circuit; None while they are being made.
        step: updates made to get to the angles below.
        theta, probs, bits: angles (B, P), exact q (B, 2**N), drawn strings (B, S, N); None where unknown.
        pending: whether strings are being drawn for the pictures.
        note: why there is nothing to see, if so.
        took: seconds in which all steps were made at once, of a result that is kept nowhere; None for all else.
        newest: the same run at its newest step, where this is an earlier one.
        uncoupled: whether distribution and strings are those without the gates that couple wires.
    """

    key: str
    config: RunConfig
    status: RunStatus | None
    steps: NDArray[np.int64]
    history: Mapping[str, Array]
    setup: Setup | None
    step: int = 0
    theta: Array | None = None
    probs: Array | None = None
    bits: NDArray[np.uint8] | None = None
    pending: bool = False
    note: str = ""
    took: float | None = None
    newest: Shown | None = None
    uncoupled: bool = False

    @property
    def rests(self) -> bool:
        """Whether this is a run that makes no steps at present."""
        return self.status is not None and self.status.state not in _MOVING

    @property
    def waits(self) -> bool:
        """Whether something that this shows is still being calculated."""
        return self.pending or (self.setup is None and not self.note)

    @property
    def losses(self) -> Array:
        """The loss at all logged steps, (T, B): it decides which start the pictures show, at earlier steps too."""
        history = (self.newest or self).history
        return history.get("loss", np.zeros((0, self.config.replicas)))

    @property
    def busy(self) -> bool:
        """Whether more will come without anybody doing anything."""
        active = self.status is not None and self.status.active
        return active or self.waits

    @property
    def enumerable(self) -> bool:
        """Whether all 2**N strings can be looked at, once the setup is there."""
        return self.setup is not None and self.setup.plan.tabulated

    @property
    def shots(self) -> int:
        """Strings from which each step's metrics are estimated; 0 where these are exact."""
        return self.drawn_strings if "nll_train_se" in self.history else 0

    @property
    def loss_shots(self) -> int:
        """Strings from which each step's loss is estimated; 0 where it is exact."""
        return self.drawn_strings if "loss_se" in self.history else self.shots

    @property
    def drawn_strings(self) -> int:
        """Strings that a logged step draws for its metrics where it needs some."""
        from qhn_core.trainer import metric_shots

        return metric_shots(self.config)

    def error(self, name: str) -> Array | None:
        """Standard errors of a logged metric, (T, B), where it is an estimate and they are known."""
        found = self.history.get(f"{name}_se")
        return None if found is None or np.isnan(found).all() else found

    def problem(self, replica: int) -> Problem | None:
        """The problem of one replica."""
        if self.setup is None:
            return None
        found: Any = self.setup.problem
        parts = getattr(found, "parts", ())
        return parts[int(found.which[replica % len(found.which)])] if parts else found

    def q(self, replica: int) -> Array | None:
        """Exact distribution of one replica, (2**N,), where it can be known."""
        if self.probs is not None:
            return self.probs[replica] if replica < len(self.probs) else None
        if self.theta is None or not self.enumerable or self.bits is not None or replica >= len(self.theta):
            return None
        assert self.setup is not None  # noqa: S101 -- enumerable says so
        return _probs(self.setup, self.theta[replica].tobytes(), self.uncoupled)

    def without_entanglers(self) -> Shown:
        """The same angles in the circuit without the gates that couple wires, where all strings can be looked at."""
        if not self.enumerable or self.theta is None:
            return self
        return replace(self, probs=None, bits=None, uncoupled=True)

    def _ensemble(self) -> NDArray[np.uint8]:
        """The run's strings; where a step draws but a few of them, the ensemble that its metrics are taken from."""
        from qhn_core.trainer import takes_ensemble

        assert self.bits is not None  # noqa: S101 -- draws() asks only then
        if self.setup is None or self.theta is None or not takes_ensemble(self.config):
            return self.bits
        return _of_angles(self.setup, self.theta.tobytes(), self.theta.shape)

    def draws(self, replica: int) -> NDArray[np.uint8] | None:
        """Strings measured on one replica's circuit, (S, N): the run's own shots, or drawn from its exact q."""
        if self.bits is not None:
            bits = self._ensemble()
            return bits[replica] if replica < len(bits) else None
        q = self.q(replica)
        return None if q is None else measure(q, SHOTS, seed=(self.config.seed, self.step, replica))


@lru_cache(maxsize=4)
def _of_angles(setup: Setup, angles: bytes, shape: tuple[int, int]) -> NDArray[np.uint8]:
    from qhn_core.trainer import ensemble

    return ensemble(setup, np.frombuffer(angles, dtype=np.float64).reshape(shape))[0]


@lru_cache(maxsize=4)
def _probs(setup: Setup, angles: bytes, uncoupled: bool) -> Array:
    from qhn_core.circuits.entanglers import without_entanglers
    from qhn_core.engines import engine

    theta = np.frombuffer(angles, dtype=np.float64)
    circuit = without_entanglers(setup.circuit) if uncoupled else setup.circuit
    return engine("statevector").probs(circuit, theta)
