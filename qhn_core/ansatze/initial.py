"""Initial angles, reproducible replica by replica."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qhn_core.checks import check_choice, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.errors import InvalidArgument

# Keeps these streams apart from those that training draws under the same seed.
_STREAM = 0x616E676C


def initial_angles(
    circuit: Circuit,
    *,
    replicas: int = 1,
    seed: int = 0,
    kind: Literal["uniform", "normal"] | str = "uniform",
    scale: float = 0.1,
) -> NDArray[np.float64]:
    """Starting angles in radians, shape (replicas, P), float64.

    Args:
        circuit: its ``n_params`` is P.
        replicas: number B of independent starts, at least 1.
        seed: at least 0; replica r depends on (seed, r) alone, not on B.
        kind: ``uniform`` on [0, 2π), or ``normal`` around 0.
        scale: standard deviation of ``normal``, radians, positive.

    Raises:
        InvalidArgument: an argument out of its bounds; UnknownName for an unknown kind.
    """
    check_int("replicas", replicas, low=1)
    check_int("seed", seed, low=0)
    check_choice("kind", kind, ("uniform", "normal"))
    if not (np.isfinite(scale) and scale > 0):
        raise InvalidArgument("scale", expected="a positive number of radians", got=scale)
    theta = np.empty((replicas, circuit.n_params))
    for replica in range(replicas):
        rng = np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=(_STREAM, replica)))
        if kind == "uniform":
            theta[replica] = rng.uniform(0.0, 2.0 * np.pi, circuit.n_params)
        else:
            theta[replica] = rng.normal(0.0, scale, circuit.n_params)
    return theta
