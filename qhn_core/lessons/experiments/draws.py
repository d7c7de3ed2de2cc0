"""Drawing networks from a trained circuit: how the histogram nears q, and what drawn networks say together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.analysis.predictive import Predictive
from qhn_core.config import RunConfig
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Bars, Lines, Outcome, Picture, Series, Watch
from qhn_core.lessons.trained import draw, shares, trained

Array = NDArray[np.float64]
SHOTS = (16, 64, 256, 1024, 4096, 16384)
_REPEATS, _TOP, _SINGLE = 20, 8, 200


@EXPERIMENTS.register
class Draws(ExperimentConfig):
    """Total variation ½ Σ |q̂ − q| of the histogram of 16 … 16,384 drawn networks (mean of 20 repeats), and votes.

    A vote's accuracy is that of the mean prediction of the drawn networks.
    """

    label = "Draws"

    name: Literal["draws"] = "draws"
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the draws")

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """Distances, by how much four times the draws shrink them at the end, accuracies, effective networks."""
        distances = tuple(f"distance_{n}" for n in SHOTS)
        return (*distances, "shrink", "effective", "accuracy_one", "accuracy_16", "accuracy_all", "spread_one")

    def pictures(self) -> tuple[str, ...]:
        """Histogram against q, distance against draws, accuracy of votes."""
        return ("histogram", "distance", "votes")

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Train, draw, compare."""
        course, q = trained(config, watch)
        rng = np.random.Generator(np.random.Philox(key=[self.seed, 3]))
        found = {n: [shares(draw(q, n, rng), q.size) for _ in range(_REPEATS)] for n in SHOTS}
        distance = np.array([np.mean([0.5 * np.abs(row - q).sum() for row in rows]) for rows in found.values()])
        score = Predictive(course.setup.problem, "test").scores
        one = np.concatenate([shares(np.array([w]), q.size)[None] for w in draw(q, _SINGLE, rng)])
        single = np.concatenate([score(part).accuracy for part in np.array_split(one, 10)])
        votes = score(np.stack(found[16])).accuracy
        everyone = float(score(q[None]).accuracy[0])
        numbers = {f"distance_{n}": float(d) for n, d in zip(SHOTS, distance, strict=True)} | {
            "shrink": float(distance[-2] / distance[-1]),
            "effective": float(np.exp(-(q[q > 0] * np.log(q[q > 0])).sum())),
            "accuracy_one": float(single.mean()),
            "spread_one": float(single.std()),
            "accuracy_16": float(votes.mean()),
            "accuracy_all": everyone,
        }
        pictures: dict[str, Picture] = {
            "histogram": _histogram(q, {n: found[n][0] for n in (16, 4096)}, config.objective.name),
            "distance": _distance(distance),
            "votes": Bars(
                "Test accuracy",
                "",
                "share correct",
                ["one drawn network", "vote of 16", "vote of all"],
                {"mean": np.array([single.mean(), votes.mean(), everyone])},
                (config.objective.name,),
            ),
        }
        return Outcome(numbers, pictures)


def _histogram(q: Array, drawn: dict[int, Array], colour: str) -> Bars:
    """The likeliest networks, and beside them those that came up most often in the fewest draws."""
    order = np.argsort(-q, kind="stable")
    rank = np.empty(q.size, dtype=np.int64)
    rank[order] = np.arange(q.size)
    fewest = drawn[min(drawn)]
    likeliest = order[: _TOP // 2]
    came = [w for w in order[np.argsort(-fewest[order], kind="stable")] if fewest[w] > 0 and w not in likeliest]
    places = sorted([*likeliest, *came[: _TOP - len(likeliest)]], key=lambda w: rank[w])
    groups = {"q": q[places]} | {f"{n:,} draws": share[places] for n, share in drawn.items()}
    names = [f"{rank[w] + 1:,}" for w in places]
    title = f"The {len(likeliest)} likeliest networks, and others that {min(drawn)} draws gave"
    return Bars(title, "network: its place by q", "probability or share", names, groups, (colour, "rival", "device"))


def _distance(distance: Array) -> Lines:
    shots = np.array(SHOTS, dtype=float)
    guide = distance[-1] * np.sqrt(shots[-1] / shots)
    return Lines(
        "Distance of the histogram from q",
        "draws",
        "total variation",
        [Series("histogram", shots, distance, marked=True), Series("∝ 1/√draws", shots, guide, "ink", dashed=True)],
        log_x=True,
        log_y=True,
    )
