"""Sweeps as who asks for them makes them, and as the helpers do: offered, taken, waited for (:mod:`.team`)."""

# mypy: allow-untyped-defs
from __future__ import annotations

from qhn_core.engines.statevector.kernels.base import kernel
from qhn_core.engines.statevector.sweeps import backward, forward
from qhn_core.engines.statevector.team import leave, offer, offered, take, withdraw

#: What helpers are asked to do.
FORWARD, BACKWARD = range(2)


@kernel
def lead_forward(bell, claims, wide, dims, stages, pairs, maps, matrix, numbers,
                 angles, cosines, sines, mem, work, theta, q):  # fmt: skip
    """:func:`forward` with the helpers who come."""
    claims[:] = 0
    offer(bell, FORWARD, theta, q)
    forward(0, claims, wide, dims, stages, pairs, maps, matrix, numbers,
            theta, angles, cosines, sines, mem, work, q)  # fmt: skip
    withdraw(bell)


@kernel
def lead_backward(bell, claims, wide, dims, stages, pairs, maps, matrix, numbers,
                  angles, cosines, sines, mem, work, row_sums, derivatives, g, gradient):  # fmt: skip
    """:func:`backward` with the helpers who come."""
    claims[:] = 0
    offer(bell, BACKWARD, g, gradient)
    backward(0, claims, wide, dims, stages, pairs, maps, matrix, numbers,
             angles, cosines, sines, mem, work, row_sums, g, derivatives, gradient)  # fmt: skip
    withdraw(bell)


@kernel
def assist(worker, rounds, bell, claims, wide, dims, stages, pairs, maps, matrix, numbers,
           angles, cosines, sines, mem, work, row_sums, derivatives):  # fmt: skip
    """Help with sweeps of one layout as long as they come one soon after the other, with so many at most.

    There is an end to it so that others are helped in turn, and so that the process can end while some thread trains.
    """
    for _ in range(rounds):
        if not take(bell, worker):
            return
        first, second = offered(bell, 0), offered(bell, 1)
        if bell[0] == FORWARD:
            forward(worker, claims, wide, dims, stages, pairs, maps, matrix, numbers,
                    first, angles, cosines, sines, mem, work, second)  # fmt: skip
        else:
            backward(worker, claims, wide, dims, stages, pairs, maps, matrix, numbers,
                     angles, cosines, sines, mem, work, row_sums, first, derivatives, second)  # fmt: skip
        leave(bell, worker)
