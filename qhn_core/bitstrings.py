"""A bitstring is its bits, (…, N) uint8, wire 0 first; what numbers, packs, counts and compares them stands here alone.

The index of a string, wire 0 most significant, is an int64: it exists up to N = 62, and what needs one refuses more by
itself. Packed strings, keys, unique strings and distances work at any N.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.compiled import compiled
from qhn_core.errors import InvalidArgument, TooLarge

Bits = NDArray[np.uint8]
Indices = NDArray[np.int64]
Array = NDArray[np.float64]

#: Largest N whose strings are numbered by an int64.
MAX_INDEX_BITS = 62
#: Largest N for which all 2**N strings are tabulated: likelihoods, posterior, exact losses.
MAX_TABULATED = 20
#: Largest N for which a batch may be treated as a histogram of all 2**N strings, which costs less than its pairs.
HISTOGRAM_BITS = 12


class Unique(NamedTuple):
    """The distinct strings of a batch of S, in the order of their indices."""

    bits: Bits  #: (U, N)
    first: NDArray[np.int64]  #: where each occurs first, (U,)
    inverse: NDArray[np.int64]  #: which of them each string is, (S,)
    counts: NDArray[np.int64]  #: how often each occurs, (U,)


def as_bits(bits: ArrayLike, n_bits: int | None = None) -> Bits:
    """``bits`` as uint8 (…, N), C-ordered; InvalidArgument for other values than 0 and 1, or another N."""
    found = np.asarray(bits)
    if found.ndim < 1 or found.shape[-1] < 1 or (n_bits is not None and found.shape[-1] != n_bits):
        raise InvalidArgument("bits", expected=f"shape (…, {n_bits or 'N'})", got=f"shape {found.shape}")
    strings = np.ascontiguousarray(found.astype(np.uint8, copy=False))
    if strings.size and (strings.max() > 1 or (found.dtype not in (np.uint8, np.bool_) and (strings != found).any())):
        raise InvalidArgument("bits", expected="entries 0 and 1", got=f"others, {found.dtype}")
    return strings


def check_indexable(n_bits: int) -> None:
    """Refuse strings that no int64 numbers."""
    if n_bits > MAX_INDEX_BITS:
        raise TooLarge(
            f"{n_bits} bits: strings are numbered up to {MAX_INDEX_BITS} bits only. Use a smaller network, or what "
            "works on the bits themselves."
        )


def index_of(bits: ArrayLike) -> Indices:
    """Index of each string, wire 0 most significant: (…, N) -> (…)."""
    strings = as_bits(bits)
    check_indexable(strings.shape[-1])
    out = np.empty(strings.shape[:-1], dtype=np.int64)
    compiled().index_rows(strings.reshape(out.size, strings.shape[-1]), out.reshape(-1))
    return out


def from_index(index: ArrayLike, n_bits: int) -> Bits:
    """Bits of the strings with these indices: (…) -> (…, N)."""
    check_indexable(n_bits)
    numbers = np.ascontiguousarray(index, dtype=np.int64)
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < 1 << n_bits):
        raise InvalidArgument("index", expected=f"numbers from 0 to 2^{n_bits} − 1", got=numbers.ravel()[:3])
    out = np.empty((*np.shape(index), n_bits), dtype=np.uint8)
    compiled().bits_rows(numbers.reshape(-1), out.reshape(numbers.size, n_bits))
    return out


def strings_between(start: int, stop: int, n_bits: int) -> Bits:
    """The strings with indices start … stop − 1: (stop − start, N)."""
    return from_index(np.arange(start, stop, dtype=np.int64), n_bits)


def every_string(n_bits: int) -> Bits:
    """All strings in the order of their indices: (2**N, N)."""
    return strings_between(0, 1 << n_bits, n_bits)


def pack(bits: ArrayLike) -> NDArray[np.uint8]:
    """Eight bits a byte, wire 0 in the highest bit of the first, the last one filled up with zeros: (…, ⌈N/8⌉)."""
    return np.packbits(as_bits(bits), axis=-1)


def unpack(packed: NDArray[np.uint8], n_bits: int) -> Bits:
    """Inverse of :func:`pack`: (…, ⌈N/8⌉) -> (…, N)."""
    if packed.dtype != np.uint8 or packed.ndim < 1 or packed.shape[-1] != -(-n_bits // 8):
        raise InvalidArgument(
            "packed", expected=f"uint8, shape (…, {-(-n_bits // 8)})", got=f"{packed.dtype}, shape {packed.shape}"
        )
    return np.unpackbits(packed, axis=-1, count=n_bits)


def key_of(bits: ArrayLike) -> bytes:
    """Bytes that tell one string (N,) from all others of its length."""
    return pack(bits).tobytes()


def unique(bits: ArrayLike) -> Unique:
    """The distinct strings of a batch (S, N), with their counts."""
    strings = as_bits(bits)
    if strings.ndim != 2:
        raise InvalidArgument("bits", expected="shape (strings, N)", got=f"shape {strings.shape}")
    _, first, inverse, counts = np.unique(
        _sortable(strings), return_index=True, return_inverse=True, return_counts=True
    )
    return Unique(strings[first], first, inverse.ravel(), counts)


def _sortable(bits: Bits) -> NDArray:
    """One number or byte string for each string (S, N), ordered as their indices are: (S,)."""
    if bits.shape[-1] <= MAX_INDEX_BITS:
        return index_of(bits)
    packed = np.packbits(bits, axis=-1)
    return packed.view(f"S{packed.shape[-1]}")[:, 0]  # of one length, so that zeros at the end tell nothing wrong


def histogram(bits: ArrayLike) -> Array:
    """How often each of all strings occurs: (B, S, N) -> counts (B, 2**N), float64, in the order of their indices."""
    index = index_of(bits)
    size, rows = 1 << np.shape(bits)[-1], len(index)
    flat = (index + (np.arange(rows, dtype=np.int64) * size)[:, None]).ravel()
    return np.bincount(flat, minlength=rows * size).reshape(rows, size).astype(np.float64)


def distances(a: ArrayLike, b: ArrayLike) -> NDArray[np.int64]:
    """Hamming distances a·1 + b·1 − 2 a·b of strings (S, N) and (M, N): (S, M). Whole numbers: exact in any order."""
    left, right = as_bits(a), as_bits(b)
    if left.shape[-1] != right.shape[-1]:
        raise InvalidArgument("b", expected=f"strings of {left.shape[-1]} bits", got=f"{right.shape[-1]} bits")
    # float32 holds whole numbers up to 2^24, far beyond any N, and its product is the machine's fastest.
    both = left.astype(np.float32) @ right.astype(np.float32).T
    ones = left.sum(axis=1, dtype=np.int64)[:, None] + right.sum(axis=1, dtype=np.int64)[None, :]
    return ones - 2 * both.astype(np.int64)


def neighbours(index: Indices, n_bits: int) -> Indices:
    """Indices of the N neighbours of each string, wire 0 flipped first: (…) -> (…, N)."""
    check_indexable(n_bits)
    return index[..., None] ^ np.left_shift(np.int64(1), np.arange(n_bits - 1, -1, -1, dtype=np.int64))


def flipped(bits: Bits) -> Bits:
    """The N neighbours of each string, wire 0 flipped first: (…, N) -> (…, N, N)."""
    n_bits = bits.shape[-1]
    return bits[..., None, :] ^ np.eye(n_bits, dtype=np.uint8)
