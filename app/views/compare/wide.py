"""What the Compare page shows of contenders whose strings are too many to enumerate: from angles and from draws.

All of it is worked out for the seed and step looked at, and remembered: a race under way asks for little.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import services
from qhn_core.analysis.bonds import Bonds, bonds_of
from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError

Array = NDArray[np.float64]
#: Seeds over which dependence between weights is averaged.
SEEDS = 4


def is_wide(config: RunConfig) -> bool:
    """Whether there are too many strings for a table."""
    return config.network is not None and config.network.n_bits > MAX_TABULATED


def judged_by(config: RunConfig) -> str:
    """What the metrics of a contender are taken from, in words; empty where they are exact."""
    from qhn_core.trainer import metric_shots, takes_ensemble

    if not is_wide(config):
        return ""
    shots = metric_shots(config)
    if takes_ensemble(config):
        return (
            f"All metrics come from {shots} networks drawn from each circuit, with the same random numbers at every "
            "logged step; the ensemble's size biases its predictions a little."
        )
    return f"All metrics come from the {shots:,} networks that a step draws."


@lru_cache(maxsize=24)
def draws(race_id: str, contender: int, step: int, replica: int) -> tuple[int, NDArray[np.uint8]] | None:
    """(Step, the ensemble of one seed, (256, N)) at the kept step nearest to ``step``; None before there are angles."""
    from qhn_core.trainer import ensemble_of

    found, setup = services.races().angles(race_id, contender, step), services.races().setup(race_id)
    if found is None or setup is None:
        return None
    return found[0], ensemble_of(setup.setups[contender], found[1], replica)


@lru_cache(maxsize=24)
def ones(race_id: str, contender: int, step: int, replica: int) -> tuple[int, Array] | None:
    """(Step, P(bit = 1) of every weight, (N,)): exact where bonds tell it, else of the ensemble."""
    from qhn_core.engines.mps.profile import marginals

    found, setup = services.races().angles(race_id, contender, step), services.races().setup(race_id)
    if found is None or setup is None:
        return None
    try:
        return found[0], marginals(setup.setups[contender].circuit, found[1][replica])
    except QHNError:
        drawn = draws(race_id, contender, step, replica)
        return None if drawn is None else (drawn[0], np.asarray(drawn[1].mean(axis=0)))


@lru_cache(maxsize=24)
def bonds(race_id: str, contender: int, step: int) -> tuple[Bonds, ...] | str:
    """Dependence between the weights of the first few seeds, or why it cannot be told."""
    found, setup = services.races().angles(race_id, contender, step), services.races().setup(race_id)
    if found is None or setup is None:
        return "Nothing logged yet"
    side: Any = setup.setups[contender]
    try:
        return tuple(bonds_of(side.circuit, theta, seed=side.config.seed) for theta in found[1][:SEEDS])
    except QHNError as error:
        return str(error)
