"""Compiled kernels are found by what their sources say, wherever these lie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOURCE = """
from pathlib import Path
from numba import njit
from qhn_core.compiled.cache import cache_folder, kept_in
with kept_in(cache_folder([Path(__file__)])):
    @njit("int64(int64)", cache=True)
    def twice(x):
        return {factor} * x
print(twice(3), sum(twice.stats.cache_hits.values()), sum(twice.stats.cache_misses.values()))
"""


def run(folder: Path, cache: Path, factor: int = 2) -> list[int]:
    """(result, hits, misses) of a clone in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "part.py").write_text(SOURCE.format(factor=factor))
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, str(folder / "part.py")], capture_output=True, text=True, check=True, env=environment
    )
    return [int(word) for word in done.stdout.split()]


def test_another_clone_of_the_same_sources_compiles_nothing(tmp_path: Path) -> None:
    assert run(tmp_path / "one" / "room", tmp_path / "cache") == [6, 0, 1]
    assert run(tmp_path / "two" / "room", tmp_path / "cache") == [6, 1, 0]


def test_other_sources_use_no_stale_kernel(tmp_path: Path) -> None:
    assert run(tmp_path / "one" / "room", tmp_path / "cache") == [6, 0, 1]
    assert run(tmp_path / "two" / "room", tmp_path / "cache", factor=5) == [15, 0, 1]


CALLS = """
from qhn_core.compiled.base import kernel
from other import factor
@kernel()
def scaled(x):
    return factor() * x
print(int(scaled(3.0)), sum(scaled.stats.cache_hits.values()), sum(scaled.stats.cache_misses.values()))
"""
CALLED = """
from qhn_core.compiled.base import kernel
@kernel()
def factor():
    return {factor}.0
"""


def run_room(room: Path, cache: Path, factor: int) -> list[int]:
    """(result, hits, misses) of a kernel that calls one in another file of its room."""
    room.mkdir(parents=True, exist_ok=True)
    (room / "part.py").write_text(CALLS)
    (room / "other.py").write_text(CALLED.format(factor=factor))
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, str(room / "part.py")], capture_output=True, text=True, check=True, env=environment
    )
    return [int(word) for word in done.stdout.split()]


def test_a_kernel_is_compiled_anew_when_what_it_calls_in_another_file_has_changed(tmp_path: Path) -> None:
    assert run_room(tmp_path / "room", tmp_path / "cache", 2) == [6, 0, 1]
    assert run_room(tmp_path / "room", tmp_path / "cache", 2) == [6, 1, 0]
    assert run_room(tmp_path / "room", tmp_path / "cache", 5) == [15, 0, 1]
