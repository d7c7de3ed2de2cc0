"""Which process holds a run, and whether it still lives.

Two servers, or a server and a command line, may work on one data folder. A run in an active state belongs to a
process; only when that process is gone is the run *interrupted*. On the same machine, process number and start time
decide (numbers are used again after a reboot, start times are not); for another machine, the heartbeat does.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path

#: Seconds without a heartbeat after which a process on another machine counts as gone.
STALE_SECONDS = 60.0
#: Start times read at different moments may differ by the clock's corrections.
_START_TOLERANCE = 5.0


@dataclass(frozen=True)
class Owner:
    """A store object in a process."""

    pid: int = field(default_factory=os.getpid)
    started: float = field(default_factory=lambda: start_time(os.getpid()) or 0.0)
    host: str = field(default_factory=lambda: machine())
    id: str = field(default_factory=lambda: secrets.token_hex(8))


def machine() -> str:
    """Names the space in which process numbers are unique: host, boot and, in containers, the namespace."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:  # not Linux: the host's name must do
        pass
    return "|".join(parts)


def start_time(pid: int) -> float | None:
    """When process ``pid`` started; None if there is no such process, 0 if that cannot be said.

    On Linux in seconds since boot, which no change of the clock moves; elsewhere in seconds since the epoch.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return _since_boot(pid) or float(process.create_time())
    except psutil.NoSuchProcess:
        return None
    except psutil.Error:  # there, but not ours to inspect
        return 0.0


def _since_boot(pid: int) -> float | None:
    """Field 22 of Linux's ``/proc/<pid>/stat``, in seconds; None elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def is_alive(*, pid: int, started: float, host: str, heartbeat: float, now: float) -> bool:
    """Whether the process that wrote these numbers still lives."""
    if host != machine():
        return now - heartbeat < STALE_SECONDS
    seen = start_time(pid)
    if seen is None:
        return False
    return seen == 0.0 or started == 0.0 or abs(seen - started) < _START_TOLERANCE
