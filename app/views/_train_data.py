"""What the Train page shows: a run, or the preview of a configuration, in one shape for all charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app import services
from app.previews import Preview
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.runner import RunStatus

if TYPE_CHECKING:
    from qhn_core.problems import Problem
    from qhn_core.trainer import Setup

Array = NDArray[np.float64]
#: Networks drawn for the picture of the drawn networks, where the run itself draws none.
SHOTS = 1024


@dataclass(frozen=True, eq=False)
class Shown:
    """A run at its newest step, or a preview at step 0.

    Args:
        key: what figures are cached under.
        config: what is trained.
        status: None for a preview.
        steps, history: logged rows; name -> (T, B).
        setup: problem and circuit; None while they are being made.
        step: updates made to get to the angles below.
        theta, probs, bits: angles (B, P), exact q (B, 2**N), drawn strings (B, S, N); None where unknown.
        note: why there is nothing to see, if so.
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
    note: str = ""

    @property
    def busy(self) -> bool:
        """Whether more will come without anybody doing anything."""
        return self.status.active if self.status is not None else self.setup is None and not self.note

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
        if self.theta is None or self.setup is None or self.bits is not None or replica >= len(self.theta):
            return None
        return _probs(self.setup, self.theta[replica].tobytes())

    def draws(self, replica: int) -> NDArray[np.uint8] | None:
        """Strings measured on one replica's circuit, (S, N): the run's own shots, or drawn from its exact q."""
        if self.bits is not None:
            return self.bits[replica] if replica < len(self.bits) else None
        q = self.q(replica)
        return None if q is None else measure(q, SHOTS, seed=(self.config.seed, self.step, replica))


def measure(q: Array, shots: int, *, seed: tuple[int, ...]) -> NDArray[np.uint8]:
    """Strings drawn from q (2**N,), (shots, N)."""
    n_bits = int(q.size).bit_length() - 1
    edges = np.cumsum(q)
    u = np.random.default_rng(seed).random(shots) * edges[-1]
    index = np.minimum(np.searchsorted(edges, u, side="right"), q.size - 1)
    return ((index[:, None] >> np.arange(n_bits - 1, -1, -1)) & 1).astype(np.uint8)


@lru_cache(maxsize=4)
def _probs(setup: Setup, angles: bytes) -> Array:
    from qhn_core.engines import engine

    theta = np.frombuffer(angles, dtype=np.float64)
    return engine("statevector").probs(setup.circuit, theta)


def of_preview(config: RunConfig) -> Shown:
    """What a configuration looks like before its first step."""
    found = services.previews().get(config)
    row = found.row or {}
    return Shown(
        key=f"preview:{config.to_url()}",
        config=config,
        status=None,
        steps=np.zeros(1 if row else 0, dtype=np.int64),
        history={name: value[None] for name, value in row.items()},
        setup=found.setup,
        theta=found.theta,
        probs=found.probs,
        note=_why_nothing(found),
    )


def of_run(run_id: str, config: RunConfig) -> Shown:
    """Where a run stands; raises UnknownRun if there is none of this id."""
    supervisor = services.supervisor()
    status = supervisor.status(run_id)
    rows = supervisor.history(run_id)
    snapshot = supervisor.snapshot(run_id)
    setup, note = supervisor.setup(run_id), ""
    if setup is None and not status.active:
        found = services.previews().get(config)
        setup, note = found.setup, _why_nothing(found)
    shown = Shown(f"run:{run_id}", config, status, rows.steps, rows.history, setup, note=note)
    if snapshot is not None:
        s = snapshot
        return replace(shown, step=s.step, theta=s.theta, probs=s.probs, bits=s.bits)
    return _before_the_first_step(shown) if status.active else shown


def _before_the_first_step(shown: Shown) -> Shown:
    """A run that is being prepared, as its preview showed it, so that nothing vanishes when Train is pressed."""
    found = services.previews().peek(shown.config)
    if found.row is None:
        return shown
    first = {name: value[None] for name, value in found.row.items()}
    return replace(
        shown,
        steps=np.zeros(1, dtype=np.int64),
        history=first,
        setup=shown.setup or found.setup,
        theta=found.theta,
        probs=found.probs,
    )


@lru_cache(maxsize=128)
def _config(run_id: str, text: str) -> RunConfig:
    return RunConfig.from_json(text)


def config_of(run_id: str) -> RunConfig:
    """A run's configuration; raises UnknownRun or ConfigError."""
    return _config(run_id, services.store().get(run_id).config_json)


def is_active(run_id: str | None) -> bool:
    """Whether the run is queued, preparing, running or paused."""
    if run_id is None:
        return False
    try:
        return services.supervisor().status(run_id).active
    except QHNError:
        return False


def _why_nothing(found: Preview) -> str:
    if found.message:
        return found.message
    if found.ready and found.setup is None:
        return "Too many qubits to look at every string before training."
    return ""
