"""Forward and reverse sweeps over a program, for one replica on all cores or for many replicas side by side.

The reverse sweep un-applies each operation from ψ and λ, so that memory does not grow with depth. Work is cut into a
fixed number of pieces and their partial sums are added in order: results do not depend on the number of threads.
Every phase ends with a wait for the team; see :mod:`.team`.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

from qhn_core.engines.statevector.kernels.angles import matrices, resolve_angles, transpose_angles
from qhn_core.engines.statevector.kernels.base import LANES as WIDTH
from qhn_core.engines.statevector.kernels.base import add_pieces, clear, kernel, sum_lanes
from qhn_core.engines.statevector.kernels.phase import phase_gradient, phase_table
from qhn_core.engines.statevector.kernels.product import product_gradient, product_levels, rows_contract, rows_product
from qhn_core.engines.statevector.kernels.rows import (
    rows_adjoint,
    rows_forward,
    rows_probabilities,
    rows_turn_back,
    rows_unphase,
)
from qhn_core.engines.statevector.kernels.strips import (
    relabel,
    relabel_back,
    strip_backward,
    strip_columns,
    strip_forward,
)
from qhn_core.engines.statevector.program import (
    ACTIVE,
    CROSS,
    MAP,
    PAIRS,
    PHASE,
    PHASE_SLOTS,
    REAL,
    REAL_SLOTS,
    REFLECT,
)
from qhn_core.engines.statevector.team import PHASE_WORDS, done, mine, wait

#: Entries of ``dims``: sizes and where things lie; see :mod:`.workspace`.
(
    BITS,
    BLOCK,
    LAST,
    SWAPS,
    NEEDED,
    PIECES,
    REPLICAS,
    MEM_STEP,
    WORK_STEP,
    ROW_STEP,
    LOW,
    HIGH,
    MATS,
    FLAT,
    ROW_BUFFER,
    PIECE,
    PIECE_STEP,
    FACTOR,
    TOTAL,
    SUMS,
    LANES,
    STRIP,
    DIMS,
) = range(23)

#: Phases that a stage may have in either sweep; the last block is for the beginning and the end of a replica.
PHASES_A_STAGE = 8


@kernel
def _tables(claims, phase, n, nb, stage, inverse, cosine, sine, pairs, work, low, high, mats):
    """Matrices and phase tables of a stage: one phase of three pieces."""
    if mine(claims, phase, 0):
        if stage[REAL] >= 0:
            matrices(cosine, sine, stage[REAL], stage[REFLECT], n, inverse, work, mats)
        done(claims, phase)
    if mine(claims, phase, 1):
        if stage[PHASE] >= 0:
            phase_table(work, low, 0, nb, cosine, sine, stage[PHASE], pairs, stage[PAIRS], n)
        done(claims, phase)
    if mine(claims, phase, 2):
        if stage[PHASE] >= 0:
            phase_table(work, high, nb, n - nb, cosine, sine, stage[PHASE], pairs, stage[PAIRS], n)
        done(claims, phase)
    wait(claims, phase, 3)


@kernel
def _product(claims, phase, n, nb, pieces, work, low, high, mats, mem, x):
    """ψ = the product state of the first stage: two phases."""
    size, rows = 1 << nb, 1 << (n - nb)
    if mine(claims, phase, 0):
        product_levels(work, low, mats, 0, nb)
        product_levels(work, high, mats, nb, n - nb)
        done(claims, phase)
    wait(claims, phase, 1)
    for p in range(pieces):
        if mine(claims, phase + 1, p):
            r0, r1 = p * rows // pieces, (p + 1) * rows // pieces
            rows_product(mem, x, r0, r1, n, nb, work, low + size, high + rows)
            done(claims, phase + 1)
    wait(claims, phase + 1, pieces)


@kernel
def _strips_forward(claims, phase, n, nb, pieces, stage, maps, work, mats, strip, step, mem, x, y):
    """Relabelling and matrices of the high bits: one phase."""
    columns = strip_columns(n, nb)
    strips = (1 << nb) // columns
    for p in range(pieces):
        if mine(claims, phase, p):
            for c in range(p * strips // pieces, (p + 1) * strips // pieces):
                strip_forward(
                    mem,
                    x,
                    y,
                    c * columns,
                    columns,
                    n,
                    nb,
                    maps,
                    stage[MAP],
                    stage[ACTIVE],
                    work,
                    mats,
                    strip + p * step,
                )
            done(claims, phase)
    wait(claims, phase, pieces)


@kernel
def _forward(r, w, claims, dims, stages, pairs, maps, angle, cosine, sine, mem, work, q):
    """q of replica ``r`` with the scratch of worker ``w``; leaves ψ in the replica's place."""
    n, nb, pieces = dims[BITS], dims[BLOCK], dims[PIECES]
    size, rows, w0 = 1 << nb, 1 << (n - nb), w * dims[WORK_STEP]
    low, high, mats, piece, step = w0 + dims[LOW], w0 + dims[HIGH], w0 + dims[MATS], w0 + dims[PIECE], dims[PIECE_STEP]
    home, away = r * 2 * size * rows, dims[REPLICAS] * 2 * size * rows + w * dims[MEM_STEP]
    here, there = (away, home) if dims[SWAPS] % 2 else (home, away)
    for s in range(stages.shape[0]):
        stage, phase = stages[s], PHASES_A_STAGE * s
        active = stage[ACTIVE] if s else 0
        if s == 0:
            if mine(claims, phase, 0):
                matrices(cosine, sine, stage[REAL], stage[REFLECT], n, False, work, mats)
                done(claims, phase)
            wait(claims, phase, 1)
            _product(claims, phase + 1, n, nb, pieces, work, low, high, mats, mem, here)
        _tables(claims, phase + 3, n, nb, stage, False, cosine, sine, pairs, work, low, high, mats)
        moved = stage[MAP] >= 0
        if rows > 1 and (moved or active >> nb):
            target = there if moved else here
            strip = piece + dims[STRIP]
            _strips_forward(claims, phase + 4, n, nb, pieces, stage, maps, work, mats, strip, step, mem, here, target)
        elif moved:
            relabel(mem, here, there, size, maps, stage[MAP])
        if moved:
            here, there = there, here
        if stage[PHASE] >= 0 or active & (size - 1):
            for p in range(pieces):
                if mine(claims, phase + 5, p):
                    r0, r1 = p * rows // pieces, (p + 1) * rows // pieces
                    factor = piece + p * step + dims[FACTOR] if stage[CROSS] else -1
                    rows_forward(mem, here, r0, r1, n, nb, stage, active, angle, pairs, work, low, high, mats, factor)
                    done(claims, phase + 5)
            wait(claims, phase + 5, pieces)
    phase = PHASES_A_STAGE * stages.shape[0]
    for p in range(pieces):
        if mine(claims, phase, p):
            rows_probabilities(mem, here, p * rows // pieces, (p + 1) * rows // pieces, n, nb, maps, dims[LAST], q)
            done(claims, phase)
    wait(claims, phase, pieces)


@kernel
def _rows_backward(claims, phase, dims, stage, active, angle, pairs, mem, x, y, work, w0, row_sum):
    """Undo phases and matrices of the low bits: one phase."""
    n, nb, pieces, step = dims[BITS], dims[BLOCK], dims[PIECES], dims[PIECE_STEP]
    size, rows = 1 << nb, 1 << (n - nb)
    low, high, mats = w0 + dims[LOW], w0 + dims[HIGH], w0 + dims[MATS]
    for p in range(pieces):
        if not mine(claims, phase, p):
            continue
        piece = w0 + dims[PIECE] + p * step
        total, sums, lanes = piece + dims[TOTAL], piece + dims[SUMS], piece + dims[LANES]
        factor = piece + dims[FACTOR] if stage[CROSS] else -1
        clear(work, sums, n * WIDTH)
        if stage[PHASE] >= 0:
            clear(work, total, size)
        for row in range(p * rows // pieces, (p + 1) * rows // pieces):
            if stage[PHASE] >= 0:
                rows_unphase(mem, x, y, row, row + 1, n, nb, stage, angle, pairs, work, low, high, factor,
                               total, lanes, row_sum, row_sum[rows:])  # fmt: skip
            if active & (size - 1):
                rows_turn_back(mem, x, y, row, row + 1, n, nb, active, stage[REAL_SLOTS], work, mats, sums)
        done(claims, phase)
    wait(claims, phase, pieces)


@kernel
def _strips_backward(claims, phase, dims, stage, maps, mem, x, to, lam, lam_to, work, w0):
    """Undo the matrices of the high bits and the relabelling: one phase."""
    n, nb, pieces, step = dims[BITS], dims[BLOCK], dims[PIECES], dims[PIECE_STEP]
    columns = strip_columns(n, nb)
    strips = (1 << nb) // columns
    for p in range(pieces):
        if mine(claims, phase, p):
            piece = w0 + dims[PIECE] + p * step
            for c in range(p * strips // pieces, (p + 1) * strips // pieces):
                strip_backward(mem, x, to, lam, lam_to, c * columns, columns, n, nb, maps, stage[MAP], stage[ACTIVE],
                                 stage[REAL_SLOTS], work, w0 + dims[MATS], piece + dims[STRIP],
                                 piece + dims[SUMS])  # fmt: skip
            done(claims, phase)
    wait(claims, phase, pieces)


@kernel
def _product_backward(claims, phase, dims, stage, mem, y, work, w0, row_sum, out):
    """Derivatives by the angles of the first stage's product state: three phases."""
    n, nb, pieces, step = dims[BITS], dims[BLOCK], dims[PIECES], dims[PIECE_STEP]
    size, rows = 1 << nb, 1 << (n - nb)
    low, high, mats, piece = w0 + dims[LOW], w0 + dims[HIGH], w0 + dims[MATS], w0 + dims[PIECE]
    total = piece + dims[TOTAL]
    if mine(claims, phase, 0):
        product_levels(work, low, mats, 0, nb)
        product_levels(work, high, mats, nb, n - nb)
        done(claims, phase)
    wait(claims, phase, 1)
    for p in range(pieces):
        if mine(claims, phase + 1, p):
            clear(work, total + p * step, size)
            rows_contract(mem, y, p * rows // pieces, (p + 1) * rows // pieces, nb, work, low + size, high + rows,
                            total + p * step, piece + p * step + dims[LANES], row_sum)  # fmt: skip
            done(claims, phase + 1)
    wait(claims, phase + 1, pieces)
    if mine(claims, phase + 2, 0):
        add_pieces(work, total, step, pieces, size)
        product_gradient(work, total, low, mats, 0, nb, out, stage[REAL])
        buffer = w0 + dims[ROW_BUFFER]
        for row in range(rows):
            work[buffer + row] = row_sum[row]
        product_gradient(work, buffer, high, mats, nb, n - nb, out, stage[REAL] + nb)
        done(claims, phase + 2)
    wait(claims, phase + 2, 1)


@kernel
def _backward(r, w, claims, dims, stages, pairs, maps, angle, cosine, sine, mem, work, row_sum, g, out):
    """Derivatives of Σ q g by all angles, from the ψ that :func:`_forward` left; un-applies it."""
    n, nb, pieces, step = dims[BITS], dims[BLOCK], dims[PIECES], dims[PIECE_STEP]
    size, rows, w0 = 1 << nb, 1 << (n - nb), w * dims[WORK_STEP]
    low, high, mats, piece = w0 + dims[LOW], w0 + dims[HIGH], w0 + dims[MATS], w0 + dims[PIECE]
    total, sums, lanes = piece + dims[TOTAL], piece + dims[SUMS], piece + dims[LANES]
    state, last = 2 * size * rows, PHASES_A_STAGE * stages.shape[0]
    here, there = r * state, dims[REPLICAS] * state + w * dims[MEM_STEP]
    lam, lam_there = there + state, there + 2 * state
    for p in range(pieces):
        if mine(claims, last, p):
            rows_adjoint(mem, here, lam, p * rows // pieces, (p + 1) * rows // pieces, n, nb, maps, dims[LAST], g)
            done(claims, last)
    wait(claims, last, pieces)
    for s in range(stages.shape[0] - 1, dims[NEEDED] - 1, -1):
        stage, phase = stages[s], PHASES_A_STAGE * s
        active = stage[ACTIVE] if s else 0
        _tables(claims, phase, n, nb, stage, s > 0, cosine, sine, pairs, work, low, high, mats)
        if stage[PHASE] >= 0 or active:
            _rows_backward(claims, phase + 1, dims, stage, active, angle, pairs, mem, here, lam, work, w0, row_sum)
        if stage[PHASE_SLOTS]:
            if mine(claims, phase + 2, 0):
                add_pieces(work, total, step, pieces, size)
                phase_gradient(work, total, w0 + dims[FLAT], lanes, row_sum, stage, pairs, n, nb, out)
                done(claims, phase + 2)
            wait(claims, phase + 2, 1)
        moved = stage[MAP] >= 0
        if rows > 1 and (moved or active >> nb):
            to, lam_to = (there, lam_there) if moved else (here, lam)
            _strips_backward(claims, phase + 3, dims, stage, maps, mem, here, to, lam, lam_to, work, w0)
        elif moved:
            relabel_back(mem, here, there, size, maps, stage[MAP])
            relabel_back(mem, lam, lam_there, size, maps, stage[MAP])
        if moved:
            here, there, lam, lam_there = there, here, lam_there, lam
        if stage[REAL_SLOTS] and s > 0:
            if mine(claims, phase + 4, 0):
                add_pieces(work, sums, step, pieces, n * WIDTH)
                for b in range(n):
                    out[stage[REAL] + b] = sum_lanes(work, sums + b * (64 // work.itemsize))
                done(claims, phase + 4)
            wait(claims, phase + 4, 1)
        elif stage[REAL_SLOTS]:
            _product_backward(claims, phase + 5, dims, stage, mem, lam, work, w0, row_sum, out)


@kernel
def forward(worker, claims, wide, dims, stages, pairs, maps, matrix, numbers,
            theta, angles, cosines, sines, mem, work, q):  # fmt: skip
    """q (B, 2**N) of all replicas, by this and other workers: wide, all on one replica after the other; or each on
    one that nobody has claimed."""
    alone = claims[:0]
    phases = PHASES_A_STAGE * (stages.shape[0] + 1)
    for r in range(theta.shape[0]):
        team = claims[r * phases * PHASE_WORDS : (r + 1) * phases * PHASE_WORDS] if wide else alone
        if wide or mine(claims, r, 0):
            if mine(team, phases - 1, 0):
                resolve_angles(theta[r], matrix, numbers, angles[r], cosines[r], sines[r])
                done(team, phases - 1)
            wait(team, phases - 1, 1)
            here = 0 if wide else worker
            _forward(r, here, team, dims, stages, pairs, maps, angles[r], cosines[r], sines[r], mem, work, q[r])


@kernel
def backward(worker, claims, wide, dims, stages, pairs, maps, matrix, numbers,
             angles, cosines, sines, mem, work, row_sums, g, derivatives, gradient):  # fmt: skip
    """∂_θ Σ q g (B, P) of all replicas, in the same way; g is (B, 2**N) or (1, 2**N)."""
    alone = claims[:0]
    phases, step = PHASES_A_STAGE * (stages.shape[0] + 1), dims[ROW_STEP]
    for r in range(gradient.shape[0]):
        team = claims[r * phases * PHASE_WORDS : (r + 1) * phases * PHASE_WORDS] if wide else alone
        if wide or mine(claims, r, 0):
            here, out = 0 if wide else worker, derivatives[r]
            if mine(team, phases - 1, 0):
                out[:] = 0.0
                done(team, phases - 1)
            wait(team, phases - 1, 1)
            _backward(r, here, team, dims, stages, pairs, maps, angles[r], cosines[r], sines[r], mem, work,
                      row_sums[here * step : (here + 1) * step], g[r % g.shape[0]], out)  # fmt: skip
            if mine(team, phases - 2, 0):
                transpose_angles(matrix, numbers, out, gradient[r])
                done(team, phases - 2)
            wait(team, phases - 2, 1)
