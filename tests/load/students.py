"""Students on one server: each opens Train, presses Train, watches to the end, and begins again; what they waited."""

from __future__ import annotations

import asyncio
import random
import re
import time
from dataclasses import dataclass, field

from tests.load.browser_tab import Tab
from tests.load.serving import Server

_STEP = re.compile(r"Step ([\d,]+) of")
#: Seconds within which all arrive, and between two looks at a page.
_ARRIVE, _LOOK = 8.0, 0.1


@dataclass
class Waits:
    """Seconds waited, by all students, and what went wrong."""

    page: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    silence: list[float] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    answers: int = 0


async def _student(server: Server, until: float, waits: Waits, rng: random.Random) -> None:
    await asyncio.sleep(rng.uniform(0, _ARRIVE))
    tab = Tab(server.port)
    try:
        waits.page.append(await tab.open())
        while time.monotonic() < until:
            await _train(tab, until, waits)
            await asyncio.sleep(rng.uniform(1, 5))
    except (OSError, TimeoutError, KeyError) as error:
        waits.troubles.append(repr(error)[:120])
    finally:
        waits.troubles += tab.troubles
        waits.answers += sum(tab.answers.values())
        if tab.is_open:
            await tab.close()


async def _train(tab: Tab, until: float, waits: Waits) -> None:
    """One run from Train to its end, or until the time is over."""
    while "Train" not in tab.buttons and time.monotonic() < until:
        await asyncio.sleep(_LOOK)
    tab.watch()
    pressed, seen = time.monotonic(), False
    await tab.press("Train")
    while time.monotonic() < until and tab.is_open:
        await asyncio.sleep(_LOOK)
        step = _STEP.match(tab.progress)
        if step is not None and step[1] != "0" and not seen:
            seen = True
            waits.first.append(time.monotonic() - pressed)
        if "finished" in tab.progress and seen:
            waits.done.append(time.monotonic() - pressed)
            break
    waits.silence.append(max(tab.silence, time.monotonic() - tab.heard if "finished" not in tab.progress else 0.0))


async def lesson(server: Server, *, students: int, seconds: float, seed: int = 0) -> Waits:
    """So many students for so long."""
    waits, until = Waits(), time.monotonic() + seconds
    rngs = [random.Random(seed * 1000 + i) for i in range(students)]  # noqa: S311 -- when they act is no secret
    await asyncio.gather(*(_student(server, until, waits, rng) for rng in rngs))
    return waits


async def tabs(server: Server, *, count: int, settle: float) -> tuple[int, int, int]:
    """File handles of the server before, with so many tabs open, and ``settle`` seconds after they were closed."""
    before = server.process.num_fds()
    made = [Tab(server.port, path) for path in ("", "runs", "explore", "learn") for _ in range(-(-count // 4))][:count]
    for tab in made:
        await tab.open()
    opened = server.process.num_fds()
    for tab in made:
        await tab.close()
    await asyncio.sleep(settle)
    return before, opened, server.process.num_fds()
