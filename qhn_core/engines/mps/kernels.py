"""The compiled loops: transfer matrices, environments, draws, scores; in one file, so that the cache sees every change.

At a wire, for every value of the labels left and right of it, the wire's qubit starts in |0⟩ and walks through its
gates; what it ends with in |w⟩ is the transfer matrix T^w[left, right]. An amplitude is the product of the matrices
that a string chooses. Strings are worked on in blocks of ``WIDTH``, side by side in the innermost loop; which thread
does a piece never shows in the result, as pieces and the order of every sum are fixed.

Complex numbers of the vectors are kept as separate real and imaginary arrays, for the processor's vector units.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import numpy as np
from numba import njit

from qhn_core.compiled.base import kernel
from qhn_core.engines.mps.program import FLIP, PHASE, PROJECT, RX, RY, RZ, SIGN
from qhn_core.engines.statevector.kernel_cache import kernel_cache

with kernel_cache():
    from qhn_core.engines.statevector.team import mine

#: Strings side by side in the innermost loop.
WIDTH = 8
#: Wires whose matrices are made in one piece of work.
WIRES = 32
_ROOT_HALF = np.sqrt(0.5)
_TINY, _HUGE = 1e-140, 1e140

#: For the innermost loops: products and sums may be fused, and lanes added in any order that is fixed at compile time.
_innermost = njit(nogil=True, fastmath={"contract", "reassoc", "nsz"})


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


@_innermost
def _multiply(t, vr, vi, wide_r, wide_i):
    """wide[column, string] = Σ_row v[row, string] · t[row, column]."""
    rows, columns = t.shape
    for b in range(columns):
        zr, zi = wide_r[b], wide_i[b]
        for s in range(WIDTH):
            zr[s] = 0.0
            zi[s] = 0.0
        for a in range(rows):
            tr, ti = t[a, b].real, t[a, b].imag
            xr, xi = vr[a], vi[a]
            for s in range(WIDTH):
                zr[s] += xr[s] * tr - xi[s] * ti
                zi[s] += xr[s] * ti + xi[s] * tr


@_innermost
def _weigh(environment, xr, xi, out):
    """out[string] = Σ_{a,b} x_a conj(x_b) E[a, b], which is real."""
    columns = environment.shape[0]
    for s in range(WIDTH):
        out[s] = 0.0
    for a in range(columns):
        e = environment[a, a].real
        ar, ai = xr[a], xi[a]
        for s in range(WIDTH):
            out[s] += e * (ar[s] * ar[s] + ai[s] * ai[s])
        for b in range(a):
            er, ei = 2.0 * environment[a, b].real, 2.0 * environment[a, b].imag
            br, bi = xr[b], xi[b]
            for s in range(WIDTH):
                out[s] += er * (ar[s] * br[s] + ai[s] * bi[s]) - ei * (ai[s] * br[s] - ar[s] * bi[s])


@_innermost
def _select(mask, columns, zr, zi, vr, vi, total):
    """v = the half of z that the mask chooses, scaled to length 1; its squared length is total."""
    for s in range(WIDTH):
        total[s] = 0.0
    for b in range(columns):
        for s in range(WIDTH):
            vr[b, s] = mask[0, s] * zr[0, b, s] + mask[1, s] * zr[1, b, s]
            vi[b, s] = mask[0, s] * zi[0, b, s] + mask[1, s] * zi[1, b, s]
            total[s] += vr[b, s] * vr[b, s] + vi[b, s] * vi[b, s]
    _normalise(columns, vr, vi, total)


@_innermost
def _normalise(columns, vr, vi, total):
    """Vectors of squared length total, scaled to length 1; those of length 0 stay."""
    for s in range(WIDTH):
        factor = 1.0 / np.sqrt(total[s]) if total[s] > 0.0 else 0.0
        for b in range(columns):
            vr[b, s] *= factor
            vi[b, s] *= factor


@kernel()
def _gather(total, size, logs):
    """The product of the lengths, in size and, before it leaves what a number can hold, in logs."""
    for s in range(WIDTH):
        size[s] *= total[s]
        if size[s] < _TINY or size[s] > _HUGE:
            logs[s] += np.log(size[s]) if size[s] > 0.0 else -np.inf
            size[s] = 1.0


@kernel()
def draw_strings(claims, n_wires, cuts, transfer_at, bond_at, renames, transfer, environments, uniform, bits, log_q):
    """Strings (B, S, N) of q by choosing bit after bit with ``uniform``, and log q (B, S) of them, nats."""
    replicas, strings = uniform.shape[0], uniform.shape[1]
    blocks, widest = (strings + WIDTH - 1) // WIDTH, 1 << cuts.max()
    vr, vi = np.empty((widest, WIDTH)), np.empty((widest, WIDTH))
    zr, zi = np.empty((2, widest, WIDTH)), np.empty((2, widest, WIDTH))
    weight, mask, total = np.empty((2, WIDTH)), np.empty((2, WIDTH)), np.empty(WIDTH)
    size, logs = np.empty(WIDTH), np.empty(WIDTH)
    for piece in range(replicas * blocks):
        if not mine(claims, 0, piece):
            continue
        r, first = piece // blocks, (piece % blocks) * WIDTH
        many = min(WIDTH, strings - first)
        vr[0], vi[0], size[:], logs[:] = 1.0, 0.0, 1.0, 0.0
        mask[0], mask[1] = 1.0, 0.0
        for i in range(n_wires):
            rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
            t = transfer[r, transfer_at[i] : transfer_at[i + 1]].reshape(2, rows, columns)
            e = environments[r, bond_at[i + 1] : bond_at[i + 2]].reshape(columns, columns)
            for w in range(2):
                _multiply(t[w], vr, vi, zr[w], zi[w])
                _weigh(e, zr[w], zi[w], weight[w])
            for s in range(many):
                zero, one = max(weight[0, s], 0.0), max(weight[1, s], 0.0)
                chosen = 1 if uniform[r, first + s, i] * (zero + one) >= zero and one > 0.0 else 0
                bits[r, first + s, i] = chosen
                mask[1, s] = chosen
                mask[0, s] = 1 - chosen
            _select(mask, columns, zr, zi, vr, vi, total)
            _gather(total, size, logs)
        for s in range(many):
            log_q[r, first + s] = logs[s] + np.log(size[s])
            for k in range(renames.shape[0]):
                bits[r, first + s, renames[k, 1]] ^= bits[r, first + s, renames[k, 0]]


@kernel()
def _column(bits, r, first, many, i, mask):
    """The masks of bit i of a block's strings; strings beyond the last count as 0."""
    for s in range(many):
        mask[1, s] = bits[r, first + s, i]
        mask[0, s] = 1 - bits[r, first + s, i]


@kernel()
def log_probabilities(claims, n_wires, cuts, transfer_at, transfer, bits, log_q):
    """log q (B, S) of strings (B or 1, S, N) before the renaming; −∞ where the amplitude is 0."""
    replicas, strings = log_q.shape[0], log_q.shape[1]
    blocks, widest = (strings + WIDTH - 1) // WIDTH, 1 << cuts.max()
    vr, vi = np.empty((widest, WIDTH)), np.empty((widest, WIDTH))
    zr, zi = np.empty((2, widest, WIDTH)), np.empty((2, widest, WIDTH))
    size, logs, mask, total = np.empty(WIDTH), np.empty(WIDTH), np.empty((2, WIDTH)), np.empty(WIDTH)
    for piece in range(replicas * blocks):
        if not mine(claims, 0, piece):
            continue
        r, first = piece // blocks, (piece % blocks) * WIDTH
        many = min(WIDTH, strings - first)
        vr[0], vi[0], size[:], logs[:] = 1.0, 0.0, 1.0, 0.0
        mask[0], mask[1] = 1.0, 0.0
        for i in range(n_wires):
            rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
            t = transfer[r, transfer_at[i] : transfer_at[i + 1]].reshape(2, rows, columns)
            _multiply(t[0], vr, vi, zr[0], zi[0])
            _multiply(t[1], vr, vi, zr[1], zi[1])
            _column(bits, r % bits.shape[0], first, many, i, mask)
            _select(mask, columns, zr, zi, vr, vi, total)
            _gather(total, size, logs)
        for s in range(many):
            log_q[r, first + s] = logs[s] + np.log(size[s])


@_innermost
def _back(t, xr, xi, out_r, out_i):
    """out[row, string] += Σ_column t[row, column] x[column, string]."""
    rows, columns = t.shape
    for a in range(rows):
        zr, zi = out_r[a], out_i[a]
        for b in range(columns):
            tr, ti = t[a, b].real, t[a, b].imag
            br, bi = xr[b], xi[b]
            for s in range(WIDTH):
                zr[s] += tr * br[s] - ti * bi[s]
                zi[s] += tr * bi[s] + ti * br[s]


@_innermost
def _masked(mask, columns, xr, xi, yr, yi):
    """y[w] = the strings' vectors x whose bit is w, others 0."""
    for w in range(2):
        for b in range(columns):
            for s in range(WIDTH):
                yr[w, b, s] = mask[w, s] * xr[b, s]
                yi[w, b, s] = mask[w, s] * xi[b, s]


@_innermost
def _join(rows, lr, li, br, bi, dr, di, total):
    """d[string] = Σ_row l · b, the amplitude over its scales, and total the squared length of b."""
    for s in range(WIDTH):
        dr[s], di[s], total[s] = 0.0, 0.0, 0.0
    for a in range(rows):
        for s in range(WIDTH):
            dr[s] += lr[a, s] * br[a, s] - li[a, s] * bi[a, s]
            di[s] += lr[a, s] * bi[a, s] + li[a, s] * br[a, s]
            total[s] += br[a, s] * br[a, s] + bi[a, s] * bi[a, s]


@_innermost
def _outer(rows, columns, lr, li, fr, fi, yr, yi, slope):
    """slope[w, row, column] += Σ_string f · left[row, string] · y[w, column, string]."""
    pr, pi = np.empty(WIDTH), np.empty(WIDTH)
    for a in range(rows):
        for s in range(WIDTH):
            pr[s] = lr[a, s] * fr[s] - li[a, s] * fi[s]
            pi[s] = lr[a, s] * fi[s] + li[a, s] * fr[s]
        for w in range(2):
            for b in range(columns):
                re, im = 0.0, 0.0
                for s in range(WIDTH):
                    re += pr[s] * yr[w, b, s] - pi[s] * yi[w, b, s]
                    im += pr[s] * yi[w, b, s] + pi[s] * yr[w, b, s]
                slope[w, a, b] += complex(re, im)


@kernel()
def score_slopes(claims, n_wires, cuts, transfer_at, vector_at, transfer, bits, weights, groups, slope, impossible):
    """slope[r, group] += Σ_s weight_s ∂ log amplitude(w_s) / ∂T over the group's blocks of strings, of every wire.

    Forward the strings' vectors are kept; backward each wire's slope is left ⊗ right / (left · T · right), which does
    not depend on how either was scaled. A string of amplitude 0 has no score: that one has a weight is told.
    """
    replicas, strings = weights.shape[0], weights.shape[1]
    blocks, widest = (strings + WIDTH - 1) // WIDTH, 1 << cuts.max()
    kept_r, kept_i = np.empty((vector_at[n_wires + 1], WIDTH)), np.empty((vector_at[n_wires + 1], WIDTH))
    zr, zi = np.empty((2, widest, WIDTH)), np.empty((2, widest, WIDTH))
    rr, ri, br, bi = np.empty((4, widest, WIDTH))
    dr, di, total, fr, fi = np.empty((5, WIDTH))
    masks = np.empty((n_wires, 2, WIDTH))
    for piece in range(replicas * groups):
        if not mine(claims, 0, piece):
            continue
        r, group = piece // groups, piece % groups
        for block in range(group, blocks, groups):
            first = block * WIDTH
            many = min(WIDTH, strings - first)
            kept_r[0], kept_i[0] = 1.0, 0.0
            masks[:, 0], masks[:, 1] = 1.0, 0.0
            for i in range(n_wires):
                rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
                t = transfer[r, transfer_at[i] : transfer_at[i + 1]].reshape(2, rows, columns)
                left, after = vector_at[i], vector_at[i + 1]
                _multiply(t[0], kept_r[left:after], kept_i[left:after], zr[0], zi[0])
                _multiply(t[1], kept_r[left:after], kept_i[left:after], zr[1], zi[1])
                _column(bits, r % bits.shape[0], first, many, i, masks[i])
                _select(masks[i], columns, zr, zi, kept_r[after:], kept_i[after:], total)
            rr[0], ri[0] = 1.0, 0.0
            for i in range(n_wires - 1, -1, -1):
                rows, columns = 1 << cuts[i], 1 << cuts[i + 1]
                t = transfer[r, transfer_at[i] : transfer_at[i + 1]].reshape(2, rows, columns)
                left, after = vector_at[i], vector_at[i + 1]
                _masked(masks[i], columns, rr, ri, zr, zi)
                br[:rows], bi[:rows] = 0.0, 0.0
                _back(t[0], zr[0], zi[0], br, bi)
                _back(t[1], zr[1], zi[1], br, bi)
                _join(rows, kept_r[left:after], kept_i[left:after], br, bi, dr, di, total)
                for s in range(WIDTH):
                    square = dr[s] * dr[s] + di[s] * di[s]
                    weight = weights[r, first + s] if s < many else 0.0
                    if weight != 0.0 and square > 0.0:
                        weight /= square
                    elif weight != 0.0:
                        impossible[r, group] = 1
                        weight = 0.0
                    fr[s], fi[s] = weight * dr[s], -weight * di[s]
                part = slope[r, group, transfer_at[i] : transfer_at[i + 1]].reshape(2, rows, columns)
                _outer(rows, columns, kept_r[left:after], kept_i[left:after], fr, fi, zr, zi, part)
                _normalise(rows, br, bi, total)
                rr[:rows], ri[:rows] = br[:rows], bi[:rows]
