"""A loss's terms by strings: they add up to what is logged, for every loss."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.analysis.shares import term_shares
from qhn_core.errors import InvalidArgument
from qhn_core.objectives import OBJECTIVES


@pytest.fixture(scope="module")
def problem():  # type: ignore[no-untyped-def]
    data = qhn.dataset("xor", n_train=9, n_test=5, noise=0.4, seed=3)
    return qhn.problem(qhn.network("mlp", layers=(2, 1, 1), activation="sign"), data, qhn.prior("bernoulli", rho=0.3))


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_every_term_is_the_sum_over_its_strings(problem, name):
    objective, rng = OBJECTIVES.make(name), np.random.default_rng(1)
    for q in (rng.dirichlet(np.ones(32)), np.eye(32)[7], problem.posterior):
        found = term_shares(objective, q, problem)
        exact = objective.exact(q[None], problem)
        assert found.keys() == exact.terms.keys(), "a new loss says how its terms are made of strings"
        for term, value in exact.terms.items():
            assert np.isclose(found[term].sum(), value[0] / 9, rtol=1e-9, atol=1e-12), term


def test_the_fit_is_made_of_what_is_likely_and_costly(problem):
    q = np.random.default_rng(0).dirichlet(np.ones(32))
    assert np.allclose(term_shares(qhn.objective("mle"), q, problem)["nll"], q * problem.nll / 9)
    with pytest.raises(InvalidArgument, match=r"^q: expected an array of shape"):
        term_shares(qhn.objective("mle"), q[:16], problem)
