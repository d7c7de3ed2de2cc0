"""PennyLane's simulators and Qiskit's devices: the reference, noise, and hardware.

Exact: ``default.qubit``, ``lightning.qubit``, and ``default.mixed`` with noise. Shots only: ``qiskit.aer`` (ideal; with
the noise setting; or with the noise model of an IBM device's snapshot, after transpiling to its gates and couplings)
and ``qiskit.remote`` (a snapshot, or a real IBM device).

A real device, step by step (more of it in the README):

1. On the machine that runs the program, once, save an account, in a Python shell::

       from qiskit_ibm_runtime import QiskitRuntimeService
       QiskitRuntimeService.save_account(token="…", instance="…", name="lab")

   It is kept by Qiskit in the user's own home directory; this program never sees, stores or logs the token.
2. Start the program with the environment variable ``QHN_ALLOW_REMOTE=1``: without it real devices are refused, as a
   configuration may come from somebody else's link and using them costs money.
3. ``engine: {name: pennylane, device: qiskit.remote, backend: ibm_torino, account: lab, timeout: 3600}``, with a
   sampling estimator. Page and command line show the number of circuits and shots, and wait for a yes.
4. A job that fails or does not come back in time pauses the run; it can be resumed. Stop, Ctrl-C and the program's end
   cancel the job that the run waits for, and end the run at once; Pause lets the job finish, as it is sent already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, field_validator, model_validator

from qhn_core.bitstrings import Bits
from qhn_core.checks import check_angles, check_finite, check_int, readable
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import ENGINES, Array, Engine, EngineConfig, Evaluation
from qhn_core.engines.devices.analytic import BACKPROP_BYTES, BATCH_BYTES, Analytic
from qhn_core.engines.devices.catalogue import (
    BOND_QUBITS,
    BONDS,
    DEVICES,
    LOCAL_QUBITS,
    OptionValue,
    check_options,
    check_remote_allowed,
    fake_qubits,
    is_fake,
    larger_snapshot,
    snapshot_qubits,
)
from qhn_core.engines.devices.noise import Noise
from qhn_core.engines.devices.qiskit import AER_MEGABYTES, QiskitSampler
from qhn_core.engines.devices.retry import call_device
from qhn_core.engines.mps.limits import check_bonds
from qhn_core.engines.tabulated import ScoresFromTable
from qhn_core.errors import InvalidArgument, TooLarge

T = TypeVar("T")


@ENGINES.register
class PennyLane(EngineConfig):
    """A PennyLane or Qiskit device, by name.

    Raises:
        InvalidArgument: an option, gradient method, noise setting or back end that the device does not take.
    """

    label: ClassVar[str] = "PennyLane and Qiskit devices"
    packages: ClassVar[tuple[str, ...]] = ("pennylane", "qiskit")
    name: Literal["pennylane"] = "pennylane"

    device: Literal["default.qubit", "lightning.qubit", "default.mixed", "qiskit.aer", "qiskit.remote"] = Field(
        "default.qubit", description="Device: the first three are exact, the Qiskit ones give shots"
    )
    gradient: Literal["auto", "backprop", "adjoint", "parameter_shift"] = Field(
        "auto", description="Exact gradient method; auto takes the device's fastest"
    )
    noise_1q: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="How often a one-qubit gate spoils its qubit: depolarising λ (default.mixed, qiskit.aer)",
    )
    noise_2q: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="How often a two-qubit gate spoils its qubits: depolarising λ (default.mixed, qiskit.aer)",
    )
    readout_error: float = Field(
        0.0, ge=0.0, le=0.5, description="Probability that a measured bit is read wrongly (default.mixed, qiskit.aer)"
    )
    backend: str = Field(
        "",
        max_length=32,
        pattern=r"^([a-z][a-z0-9_]*)?$",
        description="Which IBM device: a snapshot such as fake_manila, or (qiskit.remote only) a real one",
    )
    account: str = Field(
        "",
        max_length=32,
        pattern=r"^[A-Za-z0-9_.\- ]*$",
        description="Name of the saved IBM account (qiskit.remote); never a token",
    )
    options: dict[str, OptionValue] = Field(default_factory=dict, description="Further options of the device")
    timeout: float = Field(600.0, ge=1.0, le=86400.0, description="Longest wait for a job, seconds")
    attempts: int = Field(3, ge=1, le=10, description="How often a failing job is tried")
    pause: float = Field(1.0, ge=0.0, le=60.0, description="Pause before the second attempt, seconds; then doubling")

    @field_validator("options", mode="after")
    @classmethod
    def _few(cls, options: dict[str, OptionValue]) -> dict[str, OptionValue]:
        if len(options) > 16:
            raise InvalidArgument("options", expected="at most 16", got=len(options))
        return options

    @model_validator(mode="after")
    def _fits_device(self) -> PennyLane:
        device = DEVICES[self.device]
        check_options(self.device, self.options)
        if self.gradient not in ("auto", *device.gradients):
            raise InvalidArgument(
                "gradient",
                expected=f"auto{''.join(f' or {g}' for g in device.gradients)} for {self.device}",
                got=self.gradient,
            )
        if self.noise.present and not device.noise:
            raise InvalidArgument(
                "noise_1q, noise_2q, readout_error",
                expected=f"zeros, as {self.device} takes no noise setting",
                got=tuple(self.noise),
                remedy="Use the device default.mixed or qiskit.aer.",
            )
        self._check_backend()
        return self

    def _check_backend(self) -> None:
        if self.backend and not self.device.startswith("qiskit."):
            raise InvalidArgument("backend", expected=f"none for {self.device}", got=self.backend)
        if self.account and (self.device != "qiskit.remote" or is_fake(self.backend)):
            raise InvalidArgument("account", expected="none unless a real IBM device is used", got=self.account)
        if self.device == "qiskit.remote" and not self.backend:
            raise InvalidArgument(
                "backend", expected="an IBM device", got="none", remedy="Try the snapshot 'fake_manila'."
            )
        if is_fake(self.backend):
            fake_qubits(self.backend)
        if self.device == "qiskit.aer" and self.backend:
            if not is_fake(self.backend):
                raise InvalidArgument(
                    "backend",
                    expected="a snapshot such as fake_manila for qiskit.aer",
                    got=self.backend,
                    remedy="Use the device qiskit.remote for a real one.",
                )
            if self.noise.present:
                raise InvalidArgument(
                    "noise_1q, noise_2q, readout_error",
                    expected="zeros, as the snapshot brings its own noise",
                    got=tuple(self.noise),
                )

    @property
    def noise(self) -> Noise:
        """The noise setting."""
        return Noise(self.noise_1q, self.noise_2q, self.readout_error)

    @property
    def implementation(self) -> type[ExactDevice] | type[ShotsDevice]:
        """The engine's class: whether the device is exact."""
        return ExactDevice if DEVICES[self.device].gradients else ShotsDevice

    @property
    def remote(self) -> bool:
        """Whether jobs leave this machine, and may cost money."""
        return self.device == "qiskit.remote" and not is_fake(self.backend)

    @property
    def wires(self) -> int:
        """How many the device, or the snapshot, has: of a real device as many as its snapshot, where there is one."""
        limit = DEVICES[self.device].max_qubits
        if self.remote:
            return snapshot_qubits(self.backend) or limit
        if self.by_bonds:
            limit = BOND_QUBITS
        if is_fake(self.backend):
            return min(limit if self.by_bonds else LOCAL_QUBITS, limit, fake_qubits(self.backend))
        return limit

    @property
    def by_bonds(self) -> bool:
        """Whether Aer keeps matrix product states, whose cost follows the circuit's bonds and not its width."""
        return self.device == "qiskit.aer" and self.options.get("method") == BONDS

    def check(self, circuit: Circuit, *, replicas: int = 1, shots: int = 0) -> int:
        """Peak memory of one step, bytes; refused beyond the device's wires."""
        n_qubits, limit = circuit.n_qubits, self.wires
        if n_qubits <= limit:
            # (No state is formed here for a real device: what comes back are strings, held twice while they are read.)
            if self.by_bonds and n_qubits > LOCAL_QUBITS:
                return check_bonds(circuit, shots=max(shots, 1), measured=False)
            return 2 * n_qubits * replicas * shots if self.remote else self._memory(n_qubits, replicas)
        if self.backend:
            larger = larger_snapshot(n_qubits)
            other = f", or a larger back end such as '{larger}'" if larger else ""
            raise TooLarge(
                f"{n_qubits} qubits: back end '{self.backend}' takes at most {limit} qubits. "
                f"Use fewer qubits (a smaller network){other}."
            )
        raise TooLarge(
            f"{n_qubits} qubits: one step on device '{self.device}' would take "
            f"{readable(self._memory(min(n_qubits, 100), replicas))} (memory for {replicas} replicas), and the device "
            f"takes at most {limit} qubits. Use a smaller network"
            + (f", or its option method: {BONDS}." if self.device == "qiskit.aer" and not self.by_bonds else ".")
        )

    def _memory(self, n_qubits: int, replicas: int) -> int:
        """A handful of states for each replica; backprop and density matrices within their own batch limits."""
        state = 16 * 2**n_qubits
        if self.device == "default.mixed":
            density = state * 2**n_qubits
            return max(BATCH_BYTES, min(1000 * density, BACKPROP_BYTES)) + 20 * density
        if self.device.startswith("qiskit."):
            noisy = self.noise.present or is_fake(self.backend)
            return 4 * state + (min(state * 2**n_qubits, AER_MEGABYTES << 20) if noisy else 0)
        if self.device == "default.qubit":
            return max(BATCH_BYTES, min(400 * state, BACKPROP_BYTES)) + 4 * state
        return 4 * state + replicas * state // 2

    def build(self) -> ExactDevice | ShotsDevice:
        """The engine. PennyLane and Qiskit are imported when it is first used."""
        self.check_installed()
        if self.remote:
            check_remote_allowed(self.backend)
        return self.implementation(self)


class _Device(Engine):
    """What the engines for configured devices share: angles checked, and strings from ``_runs``."""

    _runs: Analytic | QiskitSampler

    def __init__(self, config: PennyLane) -> None:
        self.config = config

    @property
    def title(self) -> str:
        """The device's name."""
        return self.config.device

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> Bits:
        """Bitstrings (shots, N) or (B, shots, N); simulators are seeded from ``rng``.

        Raises:
            DeviceError: the device failed at every attempt, or took too long.
        """
        check_int("shots", shots, low=1, high=10_000_000)
        angles, batched = self._angles(circuit, theta)
        bits = self._runs.sample(circuit, angles, shots, int(rng.integers(2**31)))
        return bits if batched else bits[0]

    def _angles(self, circuit: Circuit, theta: ArrayLike) -> tuple[Array, bool]:
        limit = self.config.wires
        if circuit.n_qubits > limit:
            where = self.config.backend or self.config.device
            raise TooLarge(f"{where} takes at most {limit} qubits, and this circuit has {circuit.n_qubits}.")
        angles = check_angles(theta, circuit.n_params)
        return np.atleast_2d(angles), angles.ndim == 2


class ShotsDevice(_Device):
    """A device that gives shots only: Aer, a snapshot of an IBM device, or a real one."""

    def __init__(self, config: PennyLane) -> None:
        super().__init__(config)
        self._runs = QiskitSampler(
            backend=config.backend,
            remote=config.device == "qiskit.remote",
            noise=config.noise,
            options=config.options,
            account=config.account,
            timeout=config.timeout,
            guard=self._guard,
        )

    def _guard(self, function: Callable[[], T], /) -> T:
        config = self.config
        # a real device's job has its own time limit, after which it is cancelled: it comes first
        margin = 120.0 if config.remote else 0.0
        return call_device(
            function,
            device=config.backend or config.device,
            timeout=config.timeout + margin,
            attempts=config.attempts,
            pause=config.pause,
        )


class ExactDevice(ScoresFromTable, _Device):
    """One of PennyLane's exact simulators; with noise, everything is of the noisy q."""

    _runs: Analytic

    def __init__(self, config: PennyLane) -> None:
        super().__init__(config)
        self._runs = Analytic(
            config.device,
            gradient=DEVICES[config.device].gradients[0] if config.gradient == "auto" else config.gradient,
            noise=config.noise,
            single=config.options.get("precision") == "single",
        )

    def probs(self, circuit: Circuit, theta: ArrayLike) -> Array:
        """q(w), (2**N,) or (B, 2**N)."""
        angles, batched = self._angles(circuit, theta)
        found = self._runs.probs(circuit, angles)
        return found if batched else found[0]

    def gradient(self, circuit: Circuit, theta: ArrayLike, diagonal: ArrayLike) -> Array:
        """∂_θ Σ_w q(w) g(w) for a frozen g, (2**N,) or (B, 2**N)."""
        angles, batched = self._angles(circuit, theta)
        g = check_finite("diagonal", diagonal)
        size = 2**circuit.n_qubits
        if g.shape not in ((size,), (len(angles), size)):
            raise InvalidArgument(
                "diagonal", expected=f"shape ({size},) or ({len(angles)}, {size})", got=f"shape {g.shape}"
            )
        found = self._runs.gradient(circuit, angles, np.broadcast_to(g, (len(angles), size)))
        return found if batched else found[0]

    def evaluate(self, circuit: Circuit, theta: Array, diagonal: Callable[[Array], tuple[Array, Any]]) -> Evaluation:
        """Probabilities, ``diagonal(q)`` and its gradient at theta (B, P)."""
        return self._runs.evaluate(circuit, self._angles(circuit, theta)[0], diagonal)
