"""What the chain of matrices costs, and which circuits are refused; needs no Numba."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from qhn_core.checks import readable
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.mps.program import by_content, crossings
from qhn_core.errors import TooLarge

#: Largest bond dimension χ.
MAX_BOND = 1024
#: Largest memory of one evaluation, bytes.
MAX_BYTES = 3 << 30
#: Largest N whose 2^N probabilities are listed.
MAX_ENUMERATED = 20
#: Strings worked on side by side by one thread, and threads at most.
_STRINGS = 8 * 8


class Bonds(NamedTuple):
    """What a circuit's chain of matrices needs."""

    log2_chi: int  #: log₂ of the bond dimension at the worst cut
    cut: int  #: the wire left of the worst cut
    memory_bytes: int  #: of matrices, environments, slopes and vectors


def bonds(circuit: Circuit, *, replicas: int = 1, shots: int = 1, measured: bool = True) -> Bonds:
    """Bond dimension and memory of ``circuit``; cheap, whatever the circuit.

    Args:
        circuit: any circuit.
        replicas, shots: B and S of one evaluation.
        measured: of q alone; false: of the whole state, with the gates that no measurement of the bits sees.
    """
    log2_chi, cut, transfer, environment, vector = _sizes(circuit, measured=measured)
    vectors = vector * min(_STRINGS, shots)
    strings = replicas * shots * circuit.n_qubits * 9
    return Bonds(log2_chi, cut, replicas * (2 * transfer + environment) + transfer + vectors + strings)


@by_content
def _sizes(circuit: Circuit, *, measured: bool = True) -> tuple[int, int, int, int, int]:
    """log₂ χ of the worst cut, the wire left of it, and bytes of all matrices, environments and one vector a cut."""
    cuts = (0, *crossings(circuit, measured=measured), 0)
    worst = max(range(len(cuts)), key=cuts.__getitem__)
    transfer = 16 * sum(2 << (a + b) for a, b in itertools.pairwise(cuts))
    return cuts[worst], worst - 1, transfer, 16 * sum(1 << (2 * a) for a in cuts), 16 * sum(1 << a for a in cuts)


def check_bonds(circuit: Circuit, *, replicas: int = 1, shots: int = 1, measured: bool = True) -> int:
    """Memory of one evaluation, bytes; :class:`TooLarge` where bond dimension or memory exceed the limits."""
    found = bonds(circuit, replicas=replicas, shots=shots, measured=measured)
    what = f"{circuit.name} at N={circuit.n_qubits}"
    remedy = "Use chain, brickwork or linear, fewer layers, or a smaller network."
    if 1 << min(found.log2_chi, 62) > MAX_BOND:
        raise TooLarge(
            f"{what} needs chi = 2^{found.log2_chi} at the cut after wire {found.cut}, and exact simulation by bonds "
            f"ends at chi = {MAX_BOND} (memory grows as N chi^2). {remedy}"
        )
    if found.memory_bytes > MAX_BYTES:
        raise TooLarge(
            f"{what} with chi = 2^{found.log2_chi} needs about {readable(found.memory_bytes)} for {replicas} replicas "
            f"and {shots} strings; the limit is {readable(MAX_BYTES)}. Fewer replicas need less. {remedy}"
        )
    return found.memory_bytes
