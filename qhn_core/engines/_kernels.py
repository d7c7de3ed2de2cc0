"""Kernels on blocks, rows and strips of a state. Real and imaginary parts are separate runs of one flat array.

Names used throughout: ``n`` bits, ``nb`` bits of a block (a *row* of M = 2**nb amplitudes), R = 2**(n − nb) rows,
S = 2**n. ``mem`` holds states, ``work`` scratch of the same type; other arguments named after a region are offsets
into ``work`` (:func:`layout`). All functions are serial; :mod:`._sweeps` runs them on pieces in parallel.
"""

from __future__ import annotations

from qhn_core.engines._kernel_base import LANES, add_pieces, clear, kernel, lane_bits, sum_lanes
from qhn_core.engines._kernels_angles import matrices, resolve_angles, transpose_angles
from qhn_core.engines._kernels_phase import (
    one_parity,
    parities,
    phase_gradient,
    phase_row,
    phase_table,
    row_pair_parity,
    row_parities,
)
from qhn_core.engines._kernels_product import product_gradient, product_levels, rows_contract, rows_product
from qhn_core.engines._kernels_real import turn, turn_back
from qhn_core.engines._kernels_rows import rows_adjoint, rows_forward, rows_probabilities, rows_turn_back, rows_unphase
from qhn_core.engines._kernels_strips import (
    pack,
    relabel,
    relabel_back,
    strip_backward,
    strip_columns,
    strip_forward,
    unpack,
)

__all__ = [
    "LANES",
    "add_pieces",
    "clear",
    "kernel",
    "lane_bits",
    "matrices",
    "one_parity",
    "pack",
    "parities",
    "phase_gradient",
    "phase_row",
    "phase_table",
    "product_gradient",
    "product_levels",
    "relabel",
    "relabel_back",
    "resolve_angles",
    "row_pair_parity",
    "row_parities",
    "rows_adjoint",
    "rows_contract",
    "rows_forward",
    "rows_probabilities",
    "rows_product",
    "rows_turn_back",
    "rows_unphase",
    "strip_backward",
    "strip_columns",
    "strip_forward",
    "sum_lanes",
    "transpose_angles",
    "turn",
    "turn_back",
    "unpack",
]
