"""The soak: minutes of a full class, and of everything that can go wrong, as one table.

    python -m tests.load.soak            # half an hour or more
    python -m tests.load.soak --short    # a few minutes

Not part of the tests: it measures. It serves a store of its own, in a temporary folder, on a free port of this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.load import growing, students, trouble
from tests.load.serving import serving

Row = tuple[str, str]


def main() -> None:
    """Print one Markdown table, row by row as they come."""
    asked = _asked()
    rng = random.Random(asked.seed)  # noqa: S311 -- a seed that can be given again is wanted
    _say(
        f"\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.platform()}, {os.cpu_count()} cores, seed {asked.seed}\n"
    )
    _say("| what | result |\n|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, result in _rows(asked, folder, rng):
            _say(f"| {what} | {result} |")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--short", action="store_true", help="a tenth of everything")
    parser.add_argument("--minutes", type=float, help="of the class (10)")
    parser.add_argument("--students", type=int, help="in the class (30)")
    parser.add_argument("--kills", type=int, help="of a run in training (100)")
    parser.add_argument("--inputs", type=int, default=10_000, help="spoiled inputs (10000)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    usual = (1.0, 10, 5) if asked.short else (10.0, 30, 100)
    for name, value in zip(("minutes", "students", "kills"), usual, strict=True):
        if getattr(asked, name) is None:
            setattr(asked, name, value)
    return asked


def _rows(asked: argparse.Namespace, folder: Path, rng: random.Random) -> Iterator[Row]:
    yield _timed(f"{asked.inputs:,} spoiled inputs", lambda: _told(trouble.fuzzed(asked.inputs, rng)))
    yield _timed(f"{asked.kills} kills", lambda: _told(trouble.kills(folder / "kills", asked.kills, rng)))
    yield "database locked for 8 s", _told(trouble.locked(folder / "locked", 8.0))
    yield "disk full for 4 s", _told(trouble.disk_full(folder / "full"))
    yield from _class(asked, folder / "class")
    yield from growing.runs(folder / "runs", 1000 if asked.short else 10_000)
    yield from growing.steps(folder / "steps", 25_000 if asked.short else 100_000)
    yield from growing.races(folder / "races", 2 if asked.short else 8)


def _class(asked: argparse.Namespace, data: Path) -> Iterator[Row]:
    data.mkdir()
    with serving(data) as server:
        before = server.megabytes
        began = time.monotonic()
        waits = asyncio.run(
            students.lesson(server, students=asked.students, seconds=60 * asked.minutes, seed=asked.seed)
        )
        peak = server.megabytes
        yield (
            f"{asked.students} students, {asked.minutes:g} min",
            f"{len(waits.done)} runs finished, {waits.answers:,} answers of feeds",
        )
        for what in ("page", "first", "done", "silence"):
            yield f"– {_WORDS[what]}", _spread(getattr(waits, what))
        yield (
            "– troubles on pages",
            f"{len(waits.troubles)}" + (f", such as {waits.troubles[0]}" if waits.troubles else ""),
        )
        before_tabs, opened, after = asyncio.run(students.tabs(server, count=12, settle=10.0 if asked.short else 180.0))
        yield "12 tabs: file handles before, open, closed", f"{before_tabs}, {opened}, {after}"
        minutes = (time.monotonic() - began) / 60
        yield (
            "memory of the server",
            f"{before} MB, {peak} MB at the class's end, {server.megabytes} MB after {minutes:.0f} min",
        )


_WORDS = {
    "page": "until the page is there",
    "first": "from Train to the first live point",
    "done": "from Train to the end",
    "silence": "longest silence of a page",
}


def _timed(what: str, work: Callable[[], str]) -> Row:
    began = time.monotonic()
    result = work()
    return what, f"{result} ({time.monotonic() - began:.0f} s)"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _told(found: dict[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in found.items())


def _spread(values: Iterable[float]) -> str:
    ordered = sorted(values)
    if not ordered:
        return "nobody"
    return f"median {ordered[len(ordered) // 2]:.1f} s, largest {ordered[-1]:.1f} s, {len(ordered)} in all"


if __name__ == "__main__":
    main()
