"""``run.sh`` from outside: what it says, and that it ends cleanly."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = str(ROOT / "run.sh")


def _environment(**more: str) -> dict[str, str]:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("QHN_", "STREAMLIT_"))}
    return {**keep, "QHN_VENV": sys.prefix, **more}


def _run(*args: str, cwd: Path = ROOT, timeout: float = 60, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RUN, *args], cwd=cwd, env=_environment(**more), capture_output=True, text=True, timeout=timeout
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    shown = _run("help", cwd=tmp_path)
    assert shown.returncode == 0
    assert all(f"./run.sh {word}" in shown.stdout for word in ("test", "cli", "setup", "help"))


def test_unknown_command_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    shown = _run("serv", QHN_VENV=str(tmp_path / "venv"))
    assert shown.returncode != 0
    assert "'serv'" in shown.stderr
    assert not (tmp_path / "venv").exists()


def test_option_without_its_value_is_refused() -> None:
    shown = _run("--port")
    assert shown.returncode != 0
    assert "--port" in shown.stderr
    assert "requires an argument" in shown.stderr


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_impossible_port_is_refused(port: str) -> None:
    shown = _run("--port", port)
    assert shown.returncode != 0
    assert "from 1 to 65535" in shown.stderr


def test_port_in_use_is_named_with_a_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shown = _run(f"--port={port}")
    assert shown.returncode != 0
    assert f"port {port} on 127.0.0.1 is in use" in shown.stderr
    assert "choose another one: --port " in shown.stderr


def test_folder_that_is_no_virtual_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    shown = _run("setup", QHN_VENV=str(tmp_path))
    assert shown.returncode != 0
    assert "is no virtual environment" in shown.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_missing_python_is_explained(tmp_path: Path) -> None:
    """A path with everything a shell script needs, and no Python on it."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "env", "cat", "ls", "dirname"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    shown = _run("setup", PATH=str(tools), QHN_VENV=str(tmp_path / "venv"))
    assert shown.returncode != 0
    assert "Python 3.11 or later" in shown.stderr
    assert "QHN_PYTHON=" in shown.stderr


@pytest.mark.browser
def test_serves_from_any_folder_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    """Answers at the address that it announces; one Ctrl-C ends it and frees the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [RUN, "--port", str(port), "--data", "runs"],
            cwd=tmp_path,
            env=_environment(),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _until(lambda: f"http://127.0.0.1:{port}" in log.read_text(), 240, log)
        _until(lambda: _ok(f"http://127.0.0.1:{port}/_stcore/health"), 60, log)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        assert server.wait(timeout=60) in (0, 130, -signal.SIGINT)
    assert "Traceback" not in log.read_text()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def _ok(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=2).status == 200
    except OSError:
        return False


def _until(condition, seconds: float, log: Path) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)
