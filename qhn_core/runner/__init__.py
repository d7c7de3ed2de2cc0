"""Background training: runs in threads, with pause, resume, step, stop, a speed limit and a queue."""

from __future__ import annotations

from qhn_core.runner.events import Event
from qhn_core.runner.status import RunStatus, Snapshot
from qhn_core.runner.supervisor import Supervisor
from qhn_core.store import RunState

__all__ = ["Event", "RunState", "RunStatus", "Snapshot", "Supervisor"]
