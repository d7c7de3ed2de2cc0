"""What a chain of matrices tells without draws: marginals, neighbours' dependence, entanglement, MMD².

From the left L_{i+1} = Σ_w (T^w)ᵀ L_i (T^w)*, from the right the environments E_i. A cut's Schmidt coefficients squared
are the eigenvalues of √E Lᵀ √E (both Gram matrices of the bonds' states): O(N χ³) for everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_angles
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Array
from qhn_core.engines.mps.limits import check_bonds
from qhn_core.engines.mps.program import essential
from qhn_core.engines.mps.tables import Tables, tables_at
from qhn_core.errors import InvalidArgument, TooLarge

Complex = NDArray[np.complex128]

#: Largest χ for which MMD² is worked out exactly: χ⁴ numbers go along the chain.
MAX_MMD_BOND = 8


class Entanglement(NamedTuple):
    """Of every cut between wires i and i+1, (N − 1,)."""

    entropy: Array  #: von Neumann entropy of the cut, bits
    spectra: tuple[Array, ...]  #: Schmidt coefficients squared, largest first; they add up to 1
    chi: NDArray[np.int64]  #: bond dimension of the circuit there


def marginals(circuit: Circuit, theta: ArrayLike) -> Array:
    """P(bit_i = 1) under q, exactly: theta (P,) or (B, P) -> (N,) or (B, N)."""
    rows = [_ones(*_whole(circuit, row)) for row in np.atleast_2d(check_angles(theta, circuit.n_params))]
    return np.stack(rows) if np.ndim(theta) == 2 else rows[0]


def neighbour_information(circuit: Circuit, theta: ArrayLike) -> Array:
    """Mutual information of bits i and i+1 under q, bits, exactly: theta (P,) -> (N − 1,)."""
    tables, left = _whole(circuit, _one(circuit, theta))
    found = np.empty(circuit.n_qubits - 1)
    for i in range(circuit.n_qubits - 1):
        here, there, end = _matrices(tables, i), _matrices(tables, i + 1), _environment(tables, i + 2)
        joint = np.empty((2, 2))
        for w in range(2):
            middle = here[w].T @ left[i] @ here[w].conj()
            for v in range(2):
                joint[w, v] = ((there[v].T @ middle @ there[v].conj()) * end).sum().real
        joint = np.maximum(joint, 0.0)
        apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        seen = joint > 0.0
        found[i] = max(0.0, (joint[seen] * np.log2(joint[seen] / apart[seen])).sum())
    return found


def entanglement(circuit: Circuit, theta: ArrayLike, *, measured: bool = False) -> Entanglement:
    """Schmidt spectra and entropies of the state at every cut, exactly.

    Args:
        circuit: its bonds have to be within the limits.
        theta: radians, (P,).
        measured: leave out the gates at the end that no measurement of the bits can see (CZ, IsingZZ, RZ and CNOT
            after the last rotation): the entanglement that the distribution q is drawn through.
    """
    row = _one(circuit, theta)
    check_bonds(circuit, measured=measured)
    tables = tables_at(circuit, row[None], measured=measured)
    left = list(_from_left(tables))
    spectra = tuple(_spectrum(left[i + 1], _environment(tables, i + 1)) for i in range(circuit.n_qubits - 1))
    entropy = np.array([-(s[s > 0] * np.log2(s[s > 0])).sum() for s in spectra])
    return Entanglement(np.maximum(entropy, 0.0), spectra, 1 << tables.program.cuts[1:-1])


def mmd2(circuit: Circuit, theta: ArrayLike, *, gamma: float | Sequence[float], rates: ArrayLike) -> float:
    """MMD²(q, π) to a product prior with the kernel e^{−γH}, exactly, for χ ≤ 8: kernel and prior factorise.

    Args:
        circuit, theta: radians, (P,).
        gamma: γ, or several, whose kernels are averaged.
        rates: P(bit_i = 1) under π, (N,).
    """
    tables, _ = _whole(circuit, _one(circuit, theta))
    if tables.program.bond > int(np.log2(MAX_MMD_BOND)):
        raise TooLarge(
            f"The exact MMD of {circuit.name} would take chi^4 = 2^{4 * tables.program.bond} numbers at a cut; it ends "
            f"at chi = {MAX_MMD_BOND}. Estimate it from drawn strings."
        )
    rho = np.asarray(rates, dtype=np.float64)
    gammas = np.atleast_1d(np.asarray(gamma, dtype=np.float64))
    return float(np.mean([_mmd2(tables, float(g), rho) for g in gammas]))


def _mmd2(tables: Tables, gamma: float, rho: Array) -> float:
    """E_qq k − 2 E_q μ_π + E_ππ k, each a product along the chain."""
    e = np.exp(-gamma)
    both, one = np.ones((1, 1), np.complex128), np.ones((1, 1), np.complex128)
    prior = 1.0
    for i in range(tables.program.n_wires):
        t = _matrices(tables, i)
        rows, columns = t.shape[1:]
        doubled = [np.einsum("ab,cd->acbd", x, x.conj()).reshape(rows**2, columns**2) for x in t]
        same = [d.T @ both for d in doubled]
        both = sum((1.0 if w == v else e) * (same[w] @ doubled[v]) for w in range(2) for v in range(2))
        seen = (1.0 - (1.0 - e) * rho[i], 1.0 - (1.0 - e) * (1.0 - rho[i]))  # μ_π's factor at bit 0 and 1
        one = sum(seen[w] * (t[w].T @ one @ t[w].conj()) for w in range(2))
        prior *= 1.0 - 2.0 * (1.0 - e) * rho[i] * (1.0 - rho[i])
    return float(both[0, 0].real - 2.0 * one[0, 0].real + prior)


def _whole(circuit: Circuit, row: Array) -> tuple[Tables, list[Complex]]:
    """Tables whose bits are the measured ones, and what stands left of each wire."""
    renamed = bool(essential(circuit)[1])
    check_bonds(circuit, measured=not renamed)
    tables = tables_at(circuit, row[None], measured=not renamed)
    return tables, list(_from_left(tables))


def _ones(tables: Tables, left: list[Complex]) -> Array:
    found = np.empty((tables.program.n_wires, 2))
    for i in range(tables.program.n_wires):
        end = _environment(tables, i + 1)
        for w, t in enumerate(_matrices(tables, i)):
            found[i, w] = ((t.T @ left[i] @ t.conj()) * end).sum().real
    found = np.maximum(found, 0.0)
    return found[:, 1] / found.sum(axis=1)


def _from_left(tables: Tables) -> Iterator[Complex]:
    state = np.ones((1, 1), np.complex128)
    for i in range(tables.program.n_wires):
        yield state
        zero, one = _matrices(tables, i)
        state = zero.T @ state @ zero.conj() + one.T @ state @ one.conj()
    yield state


def _spectrum(left: Complex, right: Complex) -> Array:
    values, vectors = np.linalg.eigh(right)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.conj().T
    found = np.maximum(np.linalg.eigvalsh(root @ left.T @ root), 0.0)[::-1]
    return found / found.sum()


def _matrices(tables: Tables, wire: int) -> Complex:
    p = tables.program
    shape = (2, 1 << int(p.cuts[wire]), 1 << int(p.cuts[wire + 1]))
    return tables.transfer[0, p.transfer_at[wire] : p.transfer_at[wire + 1]].reshape(shape)


def _environment(tables: Tables, cut: int) -> Complex:
    p = tables.program
    chi = 1 << int(p.cuts[cut])
    return tables.environments[0, p.bond_at[cut] : p.bond_at[cut + 1]].reshape(chi, chi)


def _one(circuit: Circuit, theta: ArrayLike) -> Array:
    row = check_angles(theta, circuit.n_params)
    if row.ndim != 1:
        raise InvalidArgument("theta", expected=f"shape ({circuit.n_params},)", got=f"shape {row.shape}")
    return row
