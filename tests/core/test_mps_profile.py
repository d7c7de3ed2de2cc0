"""What the chain of matrices tells without draws, against the whole state vector."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.analysis.bonds import bonds_of
from qhn_core.analysis.dependence import dependence
from qhn_core.analysis.strings import marginals as of_table
from qhn_core.engines.mps import profile
from qhn_core.engines.statevector import twin
from qhn_core.errors import TooLarge
from qhn_core.kernels import HammingKernel

CASES = [("chain", 3), ("linear", 2), ("brickwork", 4), ("ring", 2), ("basic_entangler", 2), ("strongly_entangling", 2)]


def case(name, layers, n_qubits=7):
    circuit = qhn.ansatz(name, n_qubits=n_qubits, layers=layers)
    return circuit, qhn.initial_angles(circuit, seed=8)[0]


@pytest.mark.parametrize(("name", "layers"), CASES)
def test_marginals_are_those_of_the_table(name, layers):
    circuit, theta = case(name, layers)
    q = qhn.engine("statevector").probs(circuit, theta)
    np.testing.assert_allclose(profile.marginals(circuit, theta), of_table(q), atol=1e-12)


@pytest.mark.parametrize(("name", "layers"), CASES)
def test_neighbours_share_the_information_that_the_table_says(name, layers):
    circuit, theta = case(name, layers)
    q = qhn.engine("statevector").probs(circuit, theta).reshape((2,) * 7)
    for i, found in enumerate(profile.neighbour_information(circuit, theta)):
        joint = q.sum(axis=tuple(k for k in range(7) if k not in (i, i + 1)))
        apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
        assert found == pytest.approx((joint * np.log2(joint / apart)).sum(), abs=1e-11)


@pytest.mark.parametrize(("name", "layers"), CASES)
def test_schmidt_spectra_are_the_singular_values_of_the_state(name, layers):
    circuit, theta = case(name, layers)
    state = twin.state(circuit, theta)[-1].reshape(-1)
    found = profile.entanglement(circuit, theta)
    for i, spectrum in enumerate(found.spectra):
        exact = np.linalg.svd(state.reshape(2 ** (i + 1), -1), compute_uv=False) ** 2
        count = min(len(exact), len(spectrum))
        np.testing.assert_allclose(spectrum[:count], exact[:count], atol=1e-12)
        assert exact[count:].sum() < 1e-12
        assert found.entropy[i] == pytest.approx(
            -(exact[exact > 1e-30] * np.log2(exact[exact > 1e-30])).sum(), abs=1e-9
        )


def test_one_layer_of_a_chain_entangles_what_no_measurement_sees():
    circuit, theta = case("chain", 1)
    assert profile.entanglement(circuit, theta).entropy.max() > 0.1
    np.testing.assert_allclose(profile.entanglement(circuit, theta, measured=True).entropy, 0.0, atol=1e-12)


@pytest.mark.parametrize(("name", "layers"), CASES[:3])
@pytest.mark.parametrize("gamma", [0.7, (0.2, 1.5)])
def test_exact_mmd_is_that_of_the_table(name, layers, gamma):
    circuit, theta = case(name, layers)
    rates = np.linspace(0.2, 0.7, 7)
    q = qhn.engine("statevector").probs(circuit, theta)
    prior = np.exp(qhn.prior("bernoulli", rho=tuple(rates)).log_table(7))
    expected = HammingKernel(gamma).mmd2(q[None], prior)[0]
    assert profile.mmd2(circuit, theta, gamma=gamma, rates=rates) == pytest.approx(expected, rel=1e-9)


def test_the_exact_mmd_stands_within_the_error_of_the_estimate_at_hundreds_of_wires():
    """2000 strings; the estimate is 4 standard errors off once in 16,000 times."""
    circuit, theta = case("chain", 2, n_qubits=60)
    gamma = -np.log(1 - 6.6 / 60)
    exact = profile.mmd2(circuit, theta, gamma=gamma, rates=np.full(60, 0.5))
    bits = qhn.engine("mps").sample(circuit, theta, 2000, np.random.default_rng(0))
    found, error = HammingKernel(gamma).mmd2_estimate(bits[None], np.full(60, 0.5))
    assert abs(found[0] - exact) < 4 * error[0]
    assert error[0] < 0.1 * exact


def test_a_wide_bond_has_no_exact_mmd():
    circuit, theta = case("chain", 5)
    with pytest.raises(TooLarge, match=r"ends at chi = 8"):
        profile.mmd2(circuit, theta, gamma=0.7, rates=np.full(7, 0.5))


@pytest.mark.parametrize(("name", "layers"), [("chain", 3), ("linear", 2), ("product", 1)])
def test_the_total_correlation_from_draws_is_that_of_the_table(name, layers):
    """Within 4.5 of its standard errors: wrong by chance in 1 of 10^5 cases, and the seed is fixed."""
    circuit, theta = case(name, layers, n_qubits=6)
    found, q = bonds_of(circuit, theta, draws=4000), qhn.engine("statevector").probs(circuit, theta)
    exact = dependence(q)
    correlation, entropy = found.total_correlation, found.q_entropy
    assert abs(correlation.mean - exact.total_correlation) < 4.5 * correlation.error
    assert abs(entropy.mean + (q * np.log2(q)).sum()) < 4.5 * entropy.error
    np.testing.assert_allclose(found.information, np.diagonal(exact.mutual_information, 1), atol=1e-10)
    known = bonds_of(circuit, theta, q=q)
    assert known.total_correlation == pytest.approx((exact.total_correlation, 0.0), abs=1e-10)
    assert known.q_entropy == pytest.approx((-(q * np.log2(q)).sum(), 0.0))
