"""What drawn strings do not tell: log q, and with it the ELBO."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.analysis.evidence import elbo
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Bars, Lines, Outcome, Picture, Series, Watch
from qhn_core.lessons.patch import patched
from qhn_core.lessons.trained import draw, shares, trained
from qhn_core.planning import plan

Array = NDArray[np.float64]
SHOTS = (16, 64, 256, 1024, 4096, 16384, 65536)
_REPEATS = 20


@EXPERIMENTS.register
class Shots(ExperimentConfig):
    """The plug-in entropy −Σ q̂ log₂ q̂ of a histogram (mean of 20 repeats) beside H[q]; it is never above log₂ shots.

    The ELBO from the same histogram replaces log q by log q̂, and is too low by as much as the entropy is.
    """

    label = "Shots"

    name: Literal["shots"] = "shots"
    shots: int = Field(1024, ge=16, le=65536, description="Strings that the device gives")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the draws")

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """Entropies in bits, ELBOs in nats, what was never seen, and whether a device's ELBO is refused."""
        return (
            "entropy",
            "plug_in",
            "missing",
            "elbo",
            "elbo_plug_in",
            "too_low",
            "log_evidence",
            "seen",
            "unseen_mass",
            "unseen_percent",
            "strings",
            "refused",
            "shots",
        )

    def pictures(self) -> tuple[str, ...]:
        """Entropy against shots, the ELBO against shots, seen and unseen."""
        return ("entropy", "elbo", "seen")

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Train, draw, and estimate what cannot be estimated."""
        course, q = trained(config, watch)
        problem = course.setup.problem
        rng = np.random.Generator(np.random.Philox(key=[self.seed, 6]))
        sizes = sorted({*SHOTS, self.shots})
        rows = {n: np.stack([shares(draw(q, n, rng), q.size) for _ in range(_REPEATS)]) for n in sizes}
        plug_in = {n: float(_entropy_bits(row).mean()) for n, row in rows.items()}
        naive = {n: float(elbo(row, problem).mean()) for n, row in rows.items()}
        true_entropy, true_elbo = float(_entropy_bits(q[None])[0]), float(elbo(q[None], problem)[0])
        mine = rows[self.shots]
        reason = refusal(config)
        numbers = {
            "shots": float(self.shots),
            "strings": float(q.size),
            "entropy": true_entropy,
            "plug_in": plug_in[self.shots],
            "missing": true_entropy - plug_in[self.shots],
            "elbo": true_elbo,
            "elbo_plug_in": naive[self.shots],
            "too_low": true_elbo - naive[self.shots],
            "log_evidence": float(problem.log_evidence),
            "seen": float((mine > 0).sum(axis=1).mean()),
            "unseen_mass": float(np.mean([q[row == 0].sum() for row in mine])),
            "unseen_percent": float(100 * np.mean([q[row == 0].sum() for row in mine])),
            "refused": float(bool(reason)),
        }
        pictures: dict[str, Picture] = {
            "entropy": _curve("Entropy from a histogram", "bits", plug_in, {"true entropy": true_entropy}),
            "elbo": _curve(
                "ELBO with log q from a histogram",
                "nats",
                naive,
                {"true": true_elbo, "log p(D)": numbers["log_evidence"]},
            ),
            "seen": Bars(
                f"After {self.shots:,} shots",
                "",
                "share",
                ["strings never seen", "probability on them"],
                {"share": np.array([1 - numbers["seen"] / q.size, numbers["unseen_mass"]])},
                ("device",),
            ),
        }
        told = f"Asked to train the ELBO from shots, the program says: {reason}"
        return Outcome(numbers, pictures, notes={"elbo": told} if reason else {})


def refusal(config: RunConfig) -> str:
    """Why the ELBO with gradients from shots is refused, in one sentence; empty if it is not."""
    change = {"objective": {"name": "elbo"}, "estimator": {"name": "parameter_shift", "shots": 1024}}
    try:
        plan(patched(config, change))
    except QHNError as error:
        return str(error).partition(". ")[0] + "."
    return ""


def _entropy_bits(rows: Array) -> Array:
    safe = np.where(rows > 0, rows, 1.0)
    return np.asarray(-(rows * np.log2(safe)).sum(axis=1))


def _curve(title: str, unit: str, found: dict[int, float], levels: dict[str, float]) -> Lines:
    shots = np.array(list(found), dtype=float)
    series = [Series("from shots", shots, np.array(list(found.values())), "device", marked=True)]
    return Lines(title, "shots", unit, series, levels, log_x=True)
