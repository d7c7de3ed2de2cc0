"""Figures of shots and devices: which strings a histogram shows."""

from __future__ import annotations

import numpy as np
import pytest

from app.figures import shots


@pytest.mark.parametrize("n_bits", [1, 4, 5, 11])
@pytest.mark.parametrize("kind", ["uniform", "spread", "few"])
def test_the_likeliest_strings_are_those_of_a_full_sort(n_bits: int, kind: str) -> None:
    rng = np.random.default_rng(n_bits)
    size = 2**n_bits
    ideal = {
        "uniform": np.full(size, 1 / size),
        "spread": rng.dirichlet(np.ones(size)),
        "few": np.eye(1, size, size // 2)[0],
    }[kind]
    seen = rng.dirichlet(np.ones(size))
    expected = np.lexsort((-seen, -np.round(ideal, 9)))[: shots.TOP]
    np.testing.assert_array_equal(shots.shown_strings(ideal, seen), expected)
    assert len(shots.shown_strings(ideal)) == min(size, shots.TOP)
