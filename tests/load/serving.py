"""A server of the dashboard's own, in a process that can be measured and killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    port: int
    process: psutil.Process

    @property
    def megabytes(self) -> int:
        """Resident memory."""
        return int(self.process.memory_info().rss) >> 20


@contextmanager
def serving(data: Path, *, port: int = 0, patience: float = 240.0) -> Iterator[Server]:
    """Serve ``data`` on a free port of this machine (or ``port``) until the block ends; RuntimeError if it does not."""
    chosen = port or _free_port()
    environment = {**os.environ, "QHN_DATA": str(data), "PYTHONPATH": str(ROOT)}
    with (data / "server.log").open("ab") as log:
        command = [sys.executable, "-m", "app", "--server.port", str(chosen)]
        started = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait(started, chosen, patience)
        yield Server(chosen, psutil.Process(started.pid))
    finally:
        started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def _wait(started: subprocess.Popen[bytes], port: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and started.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the server on port {port} did not answer within {patience:.0f} s, or ended; see server.log")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
