"""Strings of any length against Python's own whole numbers: nothing is silently wrong where an int64 ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qhn_core as qhn
from qhn_core.bitstrings import (
    MAX_INDEX_BITS,
    as_bits,
    distances,
    every_string,
    flipped,
    from_index,
    histogram,
    index_of,
    key_of,
    neighbours,
    pack,
    strings_between,
    unique,
    unpack,
)
from qhn_core.errors import InvalidArgument, TooLarge
from qhn_core.kernels import HammingKernel
from qhn_core.objectives.ksd import flip_rates
from qhn_core.problems.drawn import DrawnLikelihoods
from qhn_core.problems.problem import problem

#: Around the ends of an int64 index, of one word and of two.
LENGTHS = st.one_of(st.integers(1, 24), st.integers(60, 70), st.integers(126, 130))


def whole(bits: np.ndarray) -> int:
    """The string as one of Python's whole numbers, wire 0 most significant."""
    return int("".join(map(str, bits.tolist())), 2)


@st.composite
def batches(draw: st.DrawFn) -> np.ndarray:
    """Strings with repeats, with leading and trailing zeros, and such that differ in one bit alone."""
    n, seed = draw(LENGTHS), draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (draw(st.integers(1, 12)), n), dtype=np.uint8)
    bits[rng.integers(len(bits)), : rng.integers(n + 1)] = 0
    bits[rng.integers(len(bits)), rng.integers(n) :] = 0
    one = bits[:1].copy()
    one[0, rng.integers(n)] ^= 1
    return np.concatenate([bits, one, bits[rng.integers(0, len(bits), 3)]])


@settings(max_examples=200, deadline=None)
@given(bits=batches())
def test_index_packing_and_key_against_whole_numbers(bits: np.ndarray) -> None:
    n, numbers = bits.shape[1], [whole(row) for row in bits]
    np.testing.assert_array_equal(unpack(pack(bits), n), bits)
    assert [int.from_bytes(row.tobytes(), "big") >> (-n % 8) for row in pack(bits)] == numbers
    assert [key_of(a) == key_of(bits[0]) for a in bits] == [number == numbers[0] for number in numbers]
    if n <= MAX_INDEX_BITS:
        assert index_of(bits).tolist() == numbers
        np.testing.assert_array_equal(from_index(numbers, n), bits)
        assert neighbours(index_of(bits), n).tolist() == [[k ^ 1 << (n - 1 - i) for i in range(n)] for k in numbers]
    else:
        for refused in (lambda: index_of(bits), lambda: from_index(0, n), lambda: neighbours(np.zeros(1, int), n)):
            with pytest.raises(TooLarge, match=f"{n} bits.*62 bits only"):
                refused()


@settings(max_examples=200, deadline=None)
@given(bits=batches())
def test_unique_strings_in_the_order_of_their_numbers(bits: np.ndarray) -> None:
    numbers = [whole(row) for row in bits]
    found = unique(bits)
    expected = sorted(set(numbers))
    assert [whole(row) for row in found.bits] == expected
    assert found.first.tolist() == [numbers.index(k) for k in expected]
    assert found.counts.tolist() == [numbers.count(k) for k in expected]
    np.testing.assert_array_equal(found.bits[found.inverse], bits)


@settings(max_examples=200, deadline=None)
@given(bits=batches(), split=st.integers(0, 3))
def test_distances_and_kernels_are_the_plain_counts(bits: np.ndarray, split: int) -> None:
    other = bits[split:]
    plain = (bits[:, None] != other[None]).sum(axis=-1)
    np.testing.assert_array_equal(distances(bits, other), plain)
    kernel = HammingKernel((0.01, 0.3))
    dense = np.mean([np.exp(-g * plain) for g in kernel.gammas], axis=0)
    np.testing.assert_allclose(kernel.gram(bits, other), dense, rtol=1e-12)
    np.testing.assert_allclose(kernel.empirical_embedding(bits, other), dense.mean(axis=1), rtol=1e-10)
    off = np.mean([np.exp(-g * (bits[:, None] != bits[None]).sum(-1)) for g in kernel.gammas], axis=0)
    assert kernel.pair_sum(bits) == pytest.approx(off.sum() - len(bits), rel=1e-9, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(hidden=st.sampled_from([1, 3, 15, 16, 31, 32]), seed=st.integers(0, 2**31))
def test_likelihoods_of_drawn_strings_are_those_of_each_by_itself(hidden: int, seed: int) -> None:
    """N = 4·hidden + 1, on both sides of 62 and of 126: looked up twice, in another order the second time."""
    network = qhn.network("mlp", layers=(2, hidden, 1))
    data = qhn.dataset("xor", n_train=7, n_test=0)
    drawn, rng = problem(network, data, tabulate=False), np.random.default_rng(seed)
    bits = rng.integers(0, 2, (2, 6, network.n_bits), dtype=np.uint8)
    bits[1, :3] = bits[0, 3:]
    expected = [
        [-network.log_proba(one[None], data.x_train)[0, np.arange(7), data.y_train].sum() for one in row]
        for row in bits
    ]
    np.testing.assert_allclose(drawn.nll_at(bits), expected, rtol=1e-12)
    np.testing.assert_allclose(drawn.nll_at(bits[:, ::-1]), np.array(expected)[:, ::-1], rtol=1e-12)
    near = drawn.nll_at(flipped(bits[:1, :2]))
    ratio = np.exp(drawn.nll_at(bits[:1, :2])[..., None] - near)
    np.testing.assert_allclose(flip_rates(drawn, bits[:1, :2]), ratio / (1.0 + ratio), rtol=1e-9)


def test_the_memory_of_drawn_strings_starts_anew_and_stays_right() -> None:
    memory, asked = DrawnLikelihoods(limit=5), []

    def evaluate(bits: np.ndarray) -> np.ndarray:
        asked.append(len(bits))
        return index_of(bits).astype(float)

    for start in (0, 2, 7, 0):
        numbers = np.array([start + 3, start, start + 1])
        np.testing.assert_array_equal(memory.look_up(from_index(numbers, 6), evaluate), numbers)
    assert asked == [3, 2, 3, 3]


@pytest.mark.parametrize("n", [1, 4, 9])
def test_all_strings_and_histograms(n: int) -> None:
    np.testing.assert_array_equal(index_of(every_string(n)), np.arange(2**n))
    np.testing.assert_array_equal(strings_between(1, 2, n), every_string(n)[1:2])
    bits = np.random.default_rng(n).integers(0, 2, (3, 40, n), dtype=np.uint8)
    counts = np.stack([np.bincount(row, minlength=2**n) for row in index_of(bits)])
    np.testing.assert_array_equal(histogram(bits), counts)
    np.testing.assert_array_equal(flipped(bits)[1, 2] ^ bits[1, 2], np.eye(n, dtype=np.uint8))


@pytest.mark.parametrize(
    "bad", [np.array([[0, 2]]), np.array([[0, -1]]), np.array([[0.5, 1.0]]), np.array([[256, 0]]), np.zeros(())]
)
def test_other_values_than_zero_and_one_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidArgument, match="bits"):
        as_bits(bad)


@pytest.mark.parametrize("call", [lambda: from_index(8, 3), lambda: from_index(-1, 3), lambda: unpack(pack([[1]]), 9)])
def test_numbers_and_bytes_that_are_no_strings_are_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidArgument, match="expected"):
        call()


def test_strings_of_two_lengths_have_no_distance() -> None:
    with pytest.raises(InvalidArgument, match="strings of 3 bits"):
        distances(every_string(3), every_string(4))
