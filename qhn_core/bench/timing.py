"""Interleaved timing: contenders take turns, so that what else the machine does hits them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

Step = Callable[[], Any]


def compare(contenders: Mapping[str, Step], *, seconds: float, rounds: int = 15) -> dict[str, float]:
    """Median seconds of a call of each contender, after two calls to warm up.

    In every round each contender is called for about ``seconds`` ÷ (rounds · contenders), once at least; rounds go on
    until the time is used up, at least three.
    """
    estimate = {}
    for name, step in contenders.items():
        step()
        start = perf_counter()
        step()
        estimate[name] = perf_counter() - start
    slot = seconds / (rounds * len(contenders))
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    end = perf_counter() + seconds
    done = 0
    while done < 3 or (perf_counter() < end and done < rounds):
        for name, step in contenders.items():
            for _ in range(max(1, min(200, int(slot / max(estimate[name], 1e-6))))):
                start = perf_counter()
                step()
                samples[name].append(perf_counter() - start)
        done += 1
    return {name: statistics.median(found) for name, found in samples.items()}
