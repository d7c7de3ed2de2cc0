"""Draws from Qiskit back ends: Aer on this machine, snapshots of IBM devices, and IBM devices themselves.

The circuit is translated and transpiled once, with its angles left open, and all sets of angles of a step are sent
as one job. (PennyLane's own Qiskit devices translate every circuit anew and send a job each.)
Wire i is measured into classical bit i, so that "little" bit order gives columns in wire order.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.devices.analytic import unshared
from qhn_core.engines.devices.catalogue import OptionValue, check_remote_allowed, fake_backend, is_fake
from qhn_core.engines.devices.noise import QISKIT_GATES, Noise, flip_readout, qiskit_noise_model
from qhn_core.engines.devices.retry import GivenUp, reason, within
from qhn_core.errors import DeviceError, TooLarge

LOG = logging.getLogger(__name__)
Array = NDArray[np.float64]
Bits = NDArray[np.uint8]
T = TypeVar("T")
#: Most memory that Aer may take, megabytes; above it, density matrices give way to trajectories.
AER_MEGABYTES = 2048
#: One circuit a core rather than one circuit on all (2.5 times less work here). Seeds go by circuit, not by thread.
AER_OPTIONS = {"max_memory_mb": AER_MEGABYTES, "max_parallel_experiments": 0}
#: Shots that one job may hold; larger batches become several jobs.
JOB_SHOTS = 1_000_000
#: Seconds to wait for a job's being sent, and then for its being cancelled, before a run ends without.
_PATIENCE = 1.0


class Guard(Protocol):
    """Runs a call to the back end with a time limit and further attempts."""

    def __call__(self, function: Callable[[], T], /) -> T:
        """``function()``, or DeviceError with the reason."""


def to_qiskit(circuit: Circuit, *, measure: bool = True) -> tuple[Any, list[Any]]:
    """(QuantumCircuit, its parameters): one free parameter per parametrised gate, in gate order."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector

    n = circuit.n_qubits
    slots = ParameterVector("angle", sum(gate.param is not None for gate in circuit.gates))
    target = QuantumCircuit(n, n) if measure else QuantumCircuit(n)
    used = iter(slots)
    for gate in circuit.gates:
        arguments = [gate.offset if gate.param is None else next(used)] if gate.is_rotation else []
        getattr(target, QISKIT_GATES[gate.name])(*arguments, *gate.wires)
    if measure:
        target.measure(range(n), range(n))
    return target, list(slots)


def density_probs(circuit: Circuit, theta: Array, noise: Noise) -> Array:
    """Exact q (B, 2**N) under the noise setting, by Aer's density matrices; theta (B, P).

    The same channel as the engine's ``default.mixed``, a good deal faster.
    """
    from qiskit_aer import AerSimulator

    free, angles = unshared(circuit, theta)
    target, slots = to_qiskit(free, measure=False)
    target.save_probabilities()
    gates_only = noise._replace(readout=0.0)
    model = qiskit_noise_model(gates_only) if gates_only.present else None
    simulator = AerSimulator(method="density_matrix", noise_model=model, **AER_OPTIONS)
    rows, n = len(angles), circuit.n_qubits
    binds = [{slot: angles[:, k].tolist() for k, slot in enumerate(slots)}] if slots else None
    result = simulator.run([target] if slots else [target] * rows, parameter_binds=binds).result()
    if not result.success:
        raise DeviceError(f"Aer could not calculate the noisy probabilities: {result.status}.")
    little = np.stack([np.asarray(result.data(k)["probabilities"]) for k in range(rows)])
    ours = little.reshape(rows, *(2,) * n).transpose(0, *range(n, 0, -1)).reshape(rows, -1)
    return flip_readout(np.ascontiguousarray(ours), noise.readout)


class QiskitSampler:
    """Draws bits from one back end.

    Args:
        backend: empty for Aer itself; otherwise the name of a snapshot or of a real device.
        remote: whether jobs go through the runtime's sampler (qiskit.remote) or straight to Aer (qiskit.aer).
        noise: the noise setting, for Aer without a snapshot.
        options: checked device options.
        account: name of the saved account; empty for the default one.
        timeout: seconds to wait for a job of a real device before it is cancelled.
        guard: what every call to the back end goes through.

    A job of ``qiskit.remote`` that nobody waits for any more (a time limit, a run that was stopped) is cancelled.
    """

    def __init__(
        self,
        *,
        backend: str,
        remote: bool,
        noise: Noise,
        options: Mapping[str, OptionValue],
        account: str,
        timeout: float,
        guard: Guard,
    ) -> None:
        self.backend, self.remote, self.noise, self.options = backend, remote, noise, dict(options)
        self.account, self.timeout, self.guard = account, timeout, guard
        self._lock = threading.Lock()
        self._target: Any = None
        self._ready: OrderedDict[str, tuple[Any, list[Any]]] = OrderedDict()

    def sample(self, circuit: Circuit, theta: Array, shots: int, seed: int) -> Bits:
        """Bits (B, shots, N) at theta (B, P); ``seed`` fixes the draws of simulators."""
        free, angles = unshared(circuit, theta)
        compiled, slots = self._compiled(free)
        rows, n = len(angles), circuit.n_qubits
        if not slots:  # every row is the same circuit
            return self._run(compiled, [], np.empty((1, 0)), rows * shots, seed).reshape(rows, shots, n)
        size = max(1, JOB_SHOTS // shots)
        parts = [
            self._run(compiled, slots, angles[start : start + size], shots, seed + start)
            for start in range(0, rows, size)
        ]
        return np.concatenate(parts)

    def _compiled(self, free: Circuit) -> tuple[Any, list[Any]]:
        """Transpiled circuit and the parameters of ``free`` that are left in it; the last few are kept."""
        key = free.content_hash
        with self._lock:
            if key not in self._ready:
                self._ready[key] = self._compile(free)
                if len(self._ready) > 8:
                    self._ready.popitem(last=False)
            self._ready.move_to_end(key)
            return self._ready[key]

    def _compile(self, free: Circuit) -> tuple[Any, list[Any]]:
        circuit, slots = to_qiskit(free)
        if self._target is None:
            self._target = self.guard(self._open)
        if self.backend and circuit.num_qubits > self._target.num_qubits:
            raise TooLarge(
                f"{circuit.num_qubits} qubits: back end '{self.backend}' has {self._target.num_qubits}. "
                "Use fewer qubits (a smaller network), or a larger back end."
            )
        if self.backend:
            from qiskit import transpile

            level = int(self.options.get("optimization_level", 1))
            seed = int(self.options.get("seed_transpiler", 0))
            circuit = transpile(circuit, self._target, optimization_level=level, seed_transpiler=seed)
        return circuit, slots

    def _open(self) -> Any:
        """The back end. Without one, gates are run as they stand, so that noise follows every one of them."""
        if self.remote:
            return fake_backend(self.backend) if is_fake(self.backend) else self.real_backend()
        from qiskit_aer import AerSimulator

        options: dict[str, Any] = {key: self.options[key] for key in ("method", "precision") if key in self.options}
        options |= AER_OPTIONS
        if self.backend:
            return AerSimulator.from_backend(fake_backend(self.backend), **options)
        if self.noise.present:
            options["noise_model"] = qiskit_noise_model(self.noise)
        return AerSimulator(**options)

    def real_backend(self) -> Any:
        check_remote_allowed(self.backend)
        from qiskit_ibm_runtime import QiskitRuntimeService

        service = QiskitRuntimeService(name=self.account) if self.account else QiskitRuntimeService()
        return service.backend(self.backend)

    def _run(self, compiled: Any, slots: list[Any], angles: Array, shots: int, seed: int) -> Bits:
        """One job: bits (rows, shots, N) at the rows of ``angles``."""
        left = compiled.parameters  # the transpiler drops angles that cannot change the outcome
        kept = [k for k, slot in enumerate(slots) if slot in left]
        names, values = [slots[k] for k in kept], angles[:, kept]
        if not kept and len(angles) > 1:
            return self._run(compiled, [], angles[:1], len(angles) * shots, seed).reshape(len(angles), shots, -1)
        if self.remote:
            return self._submit_sampler(compiled, names, values, shots, seed)
        return self.guard(lambda: self.submit_aer(compiled, names, values, shots, seed))

    def submit_aer(self, compiled: Any, names: list[Any], values: Array, shots: int, seed: int) -> Bits:
        binds = [{name: values[:, k].tolist() for k, name in enumerate(names)}] if names else None
        job = self._target.run(compiled, shots=shots, memory=True, seed_simulator=seed % 2**31, parameter_binds=binds)
        result = job.result()
        if not result.success:
            raise RuntimeError(f"Aer: {result.status}")
        return np.stack([_bits(item.data.memory, compiled.num_clbits) for item in result.results])

    def _submit_sampler(self, compiled: Any, names: list[Any], values: Array, shots: int, seed: int) -> Bits:
        work = (compiled, {tuple(names): values}) if names else (compiled,)

        def send() -> Any:
            from qiskit_ibm_runtime import SamplerV2

            sampler = SamplerV2(mode=self._target)
            if is_fake(self.backend):
                sampler.options.simulator.seed_simulator = seed % 2**31
            return sampler.run([work], shots=shots)

        job = SentOnce(send, timeout=None if is_fake(self.backend) else self.timeout)
        try:
            (register,) = self.guard(job.result)[0].data.values()
        except (GivenUp, DeviceError) as error:  # nobody will fetch the result: it is not to be paid for
            told = job.give_up()
            raise type(error)(" ".join(filter(None, (str(error), "" if is_fake(self.backend) else told)))) from None
        except BaseException:  # Ctrl-C in a script, for example
            job.give_up()
            raise
        bits = register.to_bool_array(order="little").astype(np.uint8)
        return bits.reshape(len(values), shots, compiled.num_clbits)


def _bits(words: list[str], n_bits: int) -> Bits:
    """Bits (shots, N) of hexadecimal words in whose last bit wire 0 stands, at any N."""
    width = -(-n_bits // 8)
    data = b"".join(int(word, 16).to_bytes(width, "little") for word in words)
    return np.unpackbits(np.frombuffer(data, np.uint8).reshape(-1, width), axis=1, bitorder="little", count=n_bits)


class SentOnce:
    """A job that is sent once, fetched again after a lost connection, and cancelled if nobody waits for it any more.

    Args:
        send: sends it to the back end; returns Qiskit's job.
        timeout: seconds to wait for its result; None without end.
    """

    def __init__(self, send: Callable[[], Any], *, timeout: float | None) -> None:
        self._send, self._timeout = send, timeout
        self._changed = threading.Condition()
        self._job: Any = None
        self._sending = self._unwanted = False

    def result(self) -> Any:
        """The result; sends the job where that was not done, or where it failed. May be called again.

        Raises:
            TimeoutError: the back end gave none in time.
        """
        from qiskit_ibm_runtime.exceptions import (
            RuntimeInvalidStateError,
            RuntimeJobFailureError,
            RuntimeJobTimeoutError,
        )

        job = self._job if self._job is not None else self._sent()
        try:
            return job.result() if self._timeout is None else job.result(timeout=self._timeout)
        except RuntimeJobTimeoutError:
            raise TimeoutError(f"no result within {self._timeout:g} s") from None
        except (RuntimeJobFailureError, RuntimeInvalidStateError):
            self._job = None  # only a job that failed is sent again; a lost connection fetches the same one
            raise

    def _sent(self) -> Any:
        with self._changed:
            if self._unwanted:
                raise GivenUp("")
            self._sending = True
        try:
            self._job = self._send()
        finally:
            with self._changed:
                self._sending, unwanted = False, self._unwanted
                self._changed.notify_all()
        if unwanted and self._job is not None:  # asked to give up in the midst of sending, and not waited for
            self._job.cancel()
        return self._job

    def give_up(self) -> str:
        """Cancel the job; says what became of it, or nothing where none was sent. Takes two seconds at most."""
        with self._changed:
            self._unwanted = True
            waited = self._changed.wait_for(lambda: not self._sending, timeout=_PATIENCE)
            job = self._job
        if not waited:
            return "A job was just being sent; it is cancelled as soon as the back end has it."
        if job is None:
            return ""
        try:
            within(_PATIENCE, job.cancel, patient=True)
        except Exception as error:
            LOG.warning("a job could not be cancelled: %s", reason(error))
            return f"Its job could not be cancelled ({reason(error)}) and may be paid for: see to it at the back end."
        return "Its job was cancelled."
