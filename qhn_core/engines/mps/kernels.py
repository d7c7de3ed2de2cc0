"""The compiled loops: transfer matrices, environments, draws, scores; in one file, so that the cache sees every change.

At a wire, for every value of the labels left and right of it, the wire's qubit starts in |0⟩ and walks through its
gates; what it ends with in |w⟩ is the transfer matrix T^w[left, right]. An amplitude is the product of the matrices
that a string chooses. Strings are worked on in blocks of ``WIDTH``, side by side in the innermost loop; which thread
does a piece never shows in the result, as pieces and the order of every sum are fixed.

Complex vectors of a block lie in flat arrays with real and imaginary lanes apart (:mod:`.lanes`).
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import numpy as np

from qhn_core.compiled.base import kernel
from qhn_core.compiled.cache import kept_in
from qhn_core.engines.mps.lanes import WIDTH, add, choose, inner, join, multiply, outer, scale
from qhn_core.engines.mps.program import FLIP, PHASE, PROJECT, RX, RY, RZ, SIGN
from qhn_core.engines.statevector.kernel_cache import CACHE_FOLDER

with kept_in(CACHE_FOLDER):
    from qhn_core.engines.statevector.team import mine

#: Wires whose matrices are made in one piece of work.
WIRES = 32
_ROOT_HALF = np.sqrt(0.5)
_TINY, _HUGE = 1e-140, 1e140


@kernel()
def _act(kind, label, c, s, x0, x1):
    """A gate's operation on one qubit's amplitudes; c and s are the cosine and sine of half its angle."""
    if kind == RY:
        return c * x0 - s * x1, s * x0 + c * x1
    if kind in (RZ, PHASE):
        if kind == PHASE and label:
            s = -s
        return complex(c, -s) * x0, complex(c, s) * x1
    if kind == RX:
        return c * x0 - 1j * s * x1, c * x1 - 1j * s * x0
    if kind == PROJECT:
        return (0j, x1) if label else (x0, 0j)
    if kind == FLIP:
        return (x1, x0) if label else (x0, x1)
    if kind == SIGN:
        return (x0, -x1) if label else (x0, x1)
    return _ROOT_HALF * (x0 + x1), _ROOT_HALF * (x0 - x1)


@kernel()
def _passes_agree(passes, start, stop, left, right):
    differ = 0
    for k in range(start, stop):
        differ |= ((left >> passes[k, 0]) ^ (right >> passes[k, 1])) & 1
    return differ == 0


@kernel()
def transfer_matrices(claims, n_wires, cuts, wire_ops, ops, wire_passes, passes, transfer_at, cosines, sines, out):
    """out[r] = T^w[left, right] of every wire, (2, χ_left, χ_right) each; cosines and sines (B, A) of half angles."""
    chunks = (n_wires + WIRES - 1) // WIRES
    for piece in range(cosines.shape[0] * chunks):
        if not mine(claims, 0, piece):
            continue
        r, first = piece // chunks, (piece % chunks) * WIRES
        for i in range(first, min(first + WIRES, n_wires)):
            rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
            at = transfer_at[i]
            for a in range(rows):
                for b in range(columns):
                    x0, x1 = 0j, 0j
                    if _passes_agree(passes, wire_passes[i], wire_passes[i + 1], a, b):
                        x0 = 1.0 + 0j
                        for k in range(wire_ops[i], wire_ops[i + 1]):
                            kind, angle, side, bit = ops[k, 0], ops[k, 1], ops[k, 2], ops[k, 3]
                            label = ((b if side else a) >> bit) & 1 if bit >= 0 else 0
                            c, s = (cosines[r, angle], sines[r, angle]) if angle >= 0 else (1.0, 0.0)
                            x0, x1 = _act(kind, label, c, s, x0, x1)
                    out[r, at + a * columns + b] = x0
                    out[r, at + (rows + a) * columns + b] = x1


@kernel()
def angle_gradients(claims, n_wires, cuts, wire_ops, ops, wire_passes, passes, transfer_at, cosines, sines, slope, out):
    """out[r, a] = 2 Re Σ slope · ∂T/∂angle_a, by walking back through each wire's gates; slope as the matrices."""
    chunks = (n_wires + WIRES - 1) // WIRES
    longest = 0
    for i in range(n_wires):
        longest = max(longest, wire_ops[i + 1] - wire_ops[i])
    before = np.empty((longest, 2), np.complex128)
    for piece in range(cosines.shape[0] * chunks):
        if not mine(claims, 0, piece):
            continue
        r, first = piece // chunks, (piece % chunks) * WIRES
        for i in range(first, min(first + WIRES, n_wires)):
            rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
            at, start, stop = transfer_at[i], wire_ops[i], wire_ops[i + 1]
            for k in range(start, stop):
                if ops[k, 1] >= 0:
                    out[r, ops[k, 1]] = 0.0
            for a in range(rows):
                for b in range(columns):
                    if not _passes_agree(passes, wire_passes[i], wire_passes[i + 1], a, b):
                        continue
                    x0, x1 = 1.0 + 0j, 0j
                    for k in range(start, stop):
                        before[k - start, 0], before[k - start, 1] = x0, x1
                        kind, angle, side, bit = ops[k, 0], ops[k, 1], ops[k, 2], ops[k, 3]
                        label = ((b if side else a) >> bit) & 1 if bit >= 0 else 0
                        c, s = (cosines[r, angle], sines[r, angle]) if angle >= 0 else (1.0, 0.0)
                        x0, x1 = _act(kind, label, c, s, x0, x1)
                    y0, y1 = slope[r, at + a * columns + b], slope[r, at + (rows + a) * columns + b]
                    for back in range(stop - start):
                        k = stop - 1 - back
                        kind, angle, side, bit = ops[k, 0], ops[k, 1], ops[k, 2], ops[k, 3]
                        label = ((b if side else a) >> bit) & 1 if bit >= 0 else 0
                        c, s = 1.0, 0.0
                        if angle >= 0:
                            c, s = cosines[r, angle], sines[r, angle]
                            d0, d1 = _act(kind, label, -0.5 * s, 0.5 * c, before[k - start, 0], before[k - start, 1])
                            out[r, angle] += 2.0 * (y0 * d0 + y1 * d1).real
                        # the transposed gate: all are symmetric but RY
                        y0, y1 = _act(kind, label, c, -s if kind == RY else s, y0, y1)


@kernel()
def right_environments(claims, n_wires, cuts, transfer_at, bond_at, transfer, out):
    """out[r] = E_i[a, b] = Σ over the strings of wires i… of amplitude(a) · conj(amplitude(b)), for every cut."""
    for r in range(transfer.shape[0]):
        if not mine(claims, 0, r):
            continue
        out[r, bond_at[n_wires]] = 1.0
        for i in range(n_wires - 1, -1, -1):
            rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
            here = out[r, bond_at[i] : bond_at[i] + rows * rows].reshape(rows, rows)
            there = out[r, bond_at[i + 1] : bond_at[i + 1] + columns * columns].reshape(columns, columns)
            t = transfer[r, transfer_at[i] : transfer_at[i + 1]].reshape(2, rows, columns)
            here[:] = 0.0
            _surround(t[0], there, here)
            _surround(t[1], there, here)


@kernel()
def _surround(t, inner, out):
    """out += t · inner · t†, Hermitian."""
    rows, columns = t.shape
    row = np.empty(columns, np.complex128)
    for a in range(rows):
        row[:] = 0.0
        for c in range(columns):
            x = t[a, c]
            if x != 0.0:
                for d in range(columns):
                    row[d] += x * inner[c, d]
        for b in range(a + 1):
            total = 0j
            for d in range(columns):
                total += row[d] * np.conj(t[b, d])
            out[a, b] += total
            if b < a:
                out[b, a] += np.conj(total)


@kernel()
def _normalise(columns, v, v_at, lanes):
    """Vectors scaled to length 1 (those of length 0 stay); lanes begin with their squared lengths, then the factors."""
    inner((columns, v, v_at, v, v_at, lanes, 0))
    for s in range(WIDTH):
        lanes[WIDTH + s] = 1.0 / np.sqrt(lanes[s]) if lanes[s] > 0.0 else 0.0
    scale((columns, lanes, WIDTH, v, v_at, v, v_at))


@kernel()
def _gather(lanes, size, logs):
    """The product of the lengths, in size and, before it leaves what a number can hold, in logs."""
    for s in range(WIDTH):
        size[s] *= lanes[s]
        if size[s] < _TINY or size[s] > _HUGE:
            logs[s] += np.log(size[s]) if size[s] > 0.0 else -np.inf
            size[s] = 1.0


@kernel()
def _start(v, mask, size, logs):
    v[:WIDTH], v[WIDTH : 2 * WIDTH] = 1.0, 0.0
    mask[:WIDTH], mask[WIDTH:] = 1.0, 0.0
    size[:], logs[:] = 1.0, 0.0


@kernel()
def draw_strings(claims, n_wires, cuts, transfer_at, bond_at, renames, transfer, environments, uniform, bits, log_q):
    """Strings (B, S, N) of q by choosing bit after bit with ``uniform``, and log q (B, S) of them, nats."""
    replicas, strings = uniform.shape[0], uniform.shape[1]
    blocks, half = (strings + WIDTH - 1) // WIDTH, 2 * WIDTH << cuts.max()
    v, y, z = np.empty(half), np.empty(half), np.empty(2 * half)
    weight, mask, lanes = np.empty(2 * WIDTH), np.empty(2 * WIDTH), np.empty(2 * WIDTH)
    size, logs = np.empty(WIDTH), np.empty(WIDTH)
    for piece in range(replicas * blocks):
        if not mine(claims, 0, piece):
            continue
        r, first = piece // blocks, (piece % blocks) * WIDTH
        many = min(WIDTH, strings - first)
        t, e = transfer[r], environments[r]
        _start(v, mask, size, logs)
        for i in range(n_wires):
            rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
            for w in range(2):
                multiply((columns, rows, t, transfer_at[i] + w * rows * columns, columns, 1, v, 0, z, w * half))
                multiply((columns, columns, e, bond_at[i + 1], columns, 1, z, w * half, y, 0))
                inner((columns, z, w * half, y, 0, weight, w * WIDTH))
            for s in range(many):
                zero, one = max(weight[s], 0.0), max(weight[WIDTH + s], 0.0)
                chosen = 1 if uniform[r, first + s, i] * (zero + one) >= zero and one > 0.0 else 0
                bits[r, first + s, i] = chosen
                mask[WIDTH + s] = chosen
                mask[s] = 1 - chosen
            choose((columns, mask, 0, z, 0, half, v, 0))
            _normalise(columns, v, 0, lanes)
            _gather(lanes, size, logs)
        for s in range(many):
            log_q[r, first + s] = logs[s] + np.log(size[s])
            for k in range(renames.shape[0]):
                bits[r, first + s, renames[k, 1]] ^= bits[r, first + s, renames[k, 0]]


@kernel()
def _advance(rows, columns, t, at, v, v_at, z, half, mask, mask_at, out, out_at, lanes):
    """From the vectors left of a wire to those right of it, at the bits that the mask says."""
    multiply((columns, rows, t, at, columns, 1, v, v_at, z, 0))
    multiply((columns, rows, t, at + rows * columns, columns, 1, v, v_at, z, half))
    choose((columns, mask, mask_at, z, 0, half, out, out_at))
    _normalise(columns, out, out_at, lanes)


@kernel()
def log_probabilities(claims, n_wires, cuts, transfer_at, transfer, bits, log_q):
    """log q (B, S) of strings (B or 1, S, N) before the renaming; −∞ where the amplitude is 0."""
    replicas, strings = log_q.shape[0], log_q.shape[1]
    blocks, half = (strings + WIDTH - 1) // WIDTH, 2 * WIDTH << cuts.max()
    v, z = np.empty(half), np.empty(2 * half)
    mask, lanes, size, logs = np.empty(2 * WIDTH), np.empty(2 * WIDTH), np.empty(WIDTH), np.empty(WIDTH)
    for piece in range(replicas * blocks):
        if not mine(claims, 0, piece):
            continue
        r, first = piece // blocks, (piece % blocks) * WIDTH
        many, row = min(WIDTH, strings - first), r % bits.shape[0]
        t = transfer[r]
        _start(v, mask, size, logs)
        for i in range(n_wires):
            for s in range(many):
                mask[WIDTH + s] = bits[row, first + s, i]
                mask[s] = 1 - bits[row, first + s, i]
            _advance(1 << cuts[i], 1 << cuts[i + 1], t, transfer_at[i], v, 0, z, half, mask, 0, v, 0, lanes)
            _gather(lanes, size, logs)
        for s in range(many):
            log_q[r, first + s] = logs[s] + np.log(size[s])


@kernel()
def _forward(n_wires, cuts, transfer_at, vector_at, t, bits, row, first, many, z, half, kept, masks, lanes):
    """Keep a block's vectors at every cut, each of length 1, and the masks of its bits."""
    kept[:WIDTH], kept[WIDTH : 2 * WIDTH] = 1.0, 0.0
    for i in range(n_wires):
        base = 2 * WIDTH * i
        for s in range(WIDTH):
            bit = bits[row, first + s, i] if s < many else 0
            masks[base + s] = 1 - bit
            masks[base + WIDTH + s] = bit
        left, after = 2 * WIDTH * vector_at[i], 2 * WIDTH * vector_at[i + 1]
        rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
        _advance(rows, columns, t, transfer_at[i], kept, left, z, half, masks, base, kept, after, lanes)


@kernel()
def score_slopes(claims, n_wires, cuts, transfer_at, vector_at, transfer, bits, weights, groups, slope, impossible):
    """slope[r, group] += Σ_s weight_s ∂ log amplitude(w_s) / ∂T over the group's blocks of strings, of every wire.

    Forward the strings' vectors are kept; backward each wire's slope is left ⊗ right / (left · T · right), which does
    not depend on how either was scaled. A string of amplitude 0 has no score: that one has a weight is told.
    """
    replicas, strings = weights.shape[0], weights.shape[1]
    blocks, half = (strings + WIDTH - 1) // WIDTH, 2 * WIDTH << cuts.max()
    kept, masks = np.empty(2 * WIDTH * vector_at[n_wires + 1]), np.empty(2 * WIDTH * n_wires)
    z, right, back, more = np.empty(2 * half), np.empty(half), np.empty(half), np.empty(half)
    lanes, d, f = np.empty(2 * WIDTH), np.empty(2 * WIDTH), np.empty(2 * WIDTH)
    one = np.ones(WIDTH)
    for piece in range(replicas * groups):
        if not mine(claims, 0, piece):
            continue
        r, group = piece // groups, piece % groups
        t, out, row = transfer[r], slope[r, group], r % bits.shape[0]
        for block in range(group, blocks, groups):
            first = block * WIDTH
            many = min(WIDTH, strings - first)
            _forward(n_wires, cuts, transfer_at, vector_at, t, bits, row, first, many, z, half, kept, masks, lanes)
            right[:WIDTH], right[WIDTH : 2 * WIDTH] = 1.0, 0.0
            for i in range(n_wires - 1, -1, -1):
                rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
                at, left = transfer_at[i], 2 * WIDTH * vector_at[i]
                for w in range(2):
                    scale((columns, masks, 2 * WIDTH * i + w * WIDTH, right, 0, z, w * half))
                multiply((rows, columns, t, at, 1, columns, z, 0, back, 0))
                multiply((rows, columns, t, at + rows * columns, 1, columns, z, half, more, 0))
                add((rows, more, 0, back, 0))
                join((rows, kept, left, back, 0, d, 0))
                for s in range(WIDTH):
                    square = d[s] * d[s] + d[WIDTH + s] * d[WIDTH + s]
                    weight = weights[r, first + s] if s < many else 0.0
                    if weight != 0.0 and square > 0.0:
                        weight /= square
                    elif weight != 0.0:
                        impossible[r, group] = 1
                        weight = 0.0
                    f[s], f[WIDTH + s] = weight * d[s], -weight * d[WIDTH + s]
                for w in range(2):
                    outer((rows, columns, kept, left, f, 0, z, w * half, out, at + w * rows * columns))
                _normalise(rows, back, 0, lanes)
                scale((rows, one, 0, back, 0, right, 0))
