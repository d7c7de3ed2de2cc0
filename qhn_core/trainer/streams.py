"""Random numbers of a step, keyed by (seed, step): there is no generator state to save."""

from __future__ import annotations

import numpy as np


def generator(seed: int, at_step: int, stream: int = 0) -> np.random.Generator:
    """Random numbers keyed by (seed, step); streams do not overlap (the counter's highest word tells them apart)."""
    return np.random.Generator(np.random.Philox(key=[seed, at_step], counter=[0, 0, 0, stream]))
