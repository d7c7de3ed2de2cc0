"""How kernels are run: by several threads that share their pieces. Importing it imports Numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from qhn_core.compiled.cache import kept_in
from qhn_core.engines.cores import shared
from qhn_core.engines.mps import kernels
from qhn_core.engines.mps.kernels import WIDTH
from qhn_core.engines.statevector.kernel_cache import CACHE_FOLDER

with kept_in(CACHE_FOLDER):
    from qhn_core.engines.statevector import team

__all__ = ["WIDTH", "kernels", "share"]


def share(kernel: Any, pieces: int, threads: int, *args: Any) -> None:
    """Let up to ``threads`` threads do the pieces of a kernel, each piece by the thread that claims it first."""
    threads = shared(threads)
    if min(pieces, threads) < 2:
        kernel(team.ALONE, *args)
        return
    claims = np.zeros(max(pieces, team.PHASE_WORDS), np.int64)
    team.run(lambda worker: kernel(claims, *args), min(pieces, threads))
