"""``run.sh`` says when kernels are compiled: its stamp lies where the machine code is, and goes with it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from qhn_core.compiled.cache import cache_folder

RUN = Path(__file__).parents[2] / "run.sh"
PYTHON = """#!/bin/sh
if [ "$1" = -c ]; then echo "$NUMBA_CACHE_DIR"; else mkdir -p "$NUMBA_CACHE_DIR"; cat >/dev/null; fi
"""
SCRIPT = """
set -euo pipefail
say() {{ printf '%s\n' "$*"; }}
stamp_of() {{ echo "3.11 abc"; }}
VENV=$1
{functions}
compile_kernels; say second; compile_kernels; rm -r "$NUMBA_CACHE_DIR"; say third; compile_kernels
"""


def function(name: str) -> str:
    """One function of run.sh."""
    found = re.search(rf"^{name}\(\) \{{.*?^\}}$", RUN.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group()


def test_a_cache_that_is_gone_takes_its_stamp_along_and_the_wait_is_said(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(PYTHON)
    python.chmod(0o755)
    script = SCRIPT.format(functions=function("kernel_cache") + "\n" + function("compile_kernels"))
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        ["bash", "-c", script, "-", str(tmp_path)], capture_output=True, text=True, check=True, env=environment
    )
    first, _, later = done.stdout.partition("second")
    second, _, third = later.partition("third")
    assert ["Compiling" in part for part in (first, second, third)] == [True, False, True]


def test_the_stamp_lies_where_the_machine_code_is(tmp_path: Path) -> None:
    for environment in ({"NUMBA_CACHE_DIR": str(tmp_path)}, {"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path)}):
        told = subprocess.run(
            ["bash", "-c", f"VENV={sys.prefix}\n{function('kernel_cache')}\nkernel_cache"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **environment},
        ).stdout.strip()
        code = "from qhn_core.compiled.cache import cache_folder; print(cache_folder([]).parent)"
        found = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **environment, "PYTHONPATH": str(RUN.parent)},
        )
        assert found.stdout.strip() == told
    assert cache_folder([]) is not None
