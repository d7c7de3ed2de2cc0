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
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator, model_validator

from qhn_core.checks import check_angles, check_finite, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import ENGINES, EngineConfig, Evaluation
from qhn_core.engines.devices.analytic import BACKPROP_BYTES, BATCH_BYTES, Analytic
from qhn_core.engines.devices.catalogue import (
    DEVICES,
    LOCAL_QUBITS,
    OptionValue,
    check_options,
    check_remote_allowed,
    fake_qubits,
    is_fake,
)
from qhn_core.engines.devices.noise import Noise
from qhn_core.engines.devices.qiskit import AER_MEGABYTES, QiskitSampler
from qhn_core.engines.devices.retry import call_device
from qhn_core.errors import InvalidArgument, TooLarge, Unsupported

Array = NDArray[np.float64]
T = TypeVar("T")


@ENGINES.register
class PennyLane(EngineConfig):
    """A PennyLane or Qiskit device, by name.

    Raises:
        InvalidArgument: an option, gradient method, noise setting or back end that the device does not take.
    """

    label: ClassVar[str] = "PennyLane and Qiskit devices"
    name: Literal["pennylane"] = "pennylane"

    device: Literal["default.qubit", "lightning.qubit", "default.mixed", "qiskit.aer", "qiskit.remote"] = Field(
        "default.qubit", description="Device: the first three are exact, the Qiskit ones give shots"
    )
    gradient: Literal["auto", "backprop", "adjoint", "parameter_shift"] = Field(
        "auto", description="Exact gradient method; auto takes the device's fastest"
    )
    noise_1q: float = Field(
        0.0, ge=0.0, le=1.0, description="Depolarising λ after every one-qubit gate (default.mixed, qiskit.aer)"
    )
    noise_2q: float = Field(
        0.0, ge=0.0, le=1.0, description="Depolarising λ after every two-qubit gate (default.mixed, qiskit.aer)"
    )
    readout_error: float = Field(
        0.0, ge=0.0, le=0.5, description="Probability that a measured bit is read wrongly (default.mixed, qiskit.aer)"
    )
    backend: str = Field(
        "",
        max_length=32,
        pattern=r"^([a-z][a-z0-9_]*)?$",
        description="IBM device: a snapshot such as fake_manila, or (qiskit.remote only) a real one",
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
    def provides(self) -> frozenset[str]:
        """Capabilities of the chosen device."""
        return DEVICES[self.device].provides

    @property
    def remote(self) -> bool:
        """Whether jobs leave this machine, and may cost money."""
        return self.device == "qiskit.remote" and not is_fake(self.backend)

    @property
    def max_qubits(self) -> int:
        """Largest N of the device, or of the snapshot."""
        limit = DEVICES[self.device].max_qubits
        if is_fake(self.backend):
            return min(LOCAL_QUBITS, limit, fake_qubits(self.backend))
        return limit

    def memory_bytes(self, n_qubits: int, replicas: int) -> int:
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

    def build(self) -> PennyLaneEngine:
        """The engine. PennyLane and Qiskit are imported when it is first used."""
        if self.remote:
            check_remote_allowed(self.backend)
        return PennyLaneEngine(self)


class PennyLaneEngine:
    """Engine for one configured device; see :class:`~qhn_core.engines.base.Engine`."""

    def __init__(self, config: PennyLane) -> None:
        self.config = config
        self.provides = config.provides
        self._analytic: Analytic | None = None
        self._sampler: QiskitSampler | None = None
        gradients = DEVICES[config.device].gradients
        if gradients:
            self._analytic = Analytic(
                config.device,
                gradient=gradients[0] if config.gradient == "auto" else config.gradient,
                noise=config.noise,
                single=config.options.get("precision") == "single",
            )
        else:
            self._sampler = QiskitSampler(
                backend=config.backend,
                remote=config.device == "qiskit.remote",
                noise=config.noise,
                options=config.options,
                account=config.account,
                timeout=config.timeout,
                guard=self._guard,
            )

    def probs(self, circuit: Circuit, theta: ArrayLike) -> Array:
        """q(w), (2**N,) or (B, 2**N); Unsupported on devices that only give shots."""
        exact, angles, batched = self._exact("probs"), *self._angles(circuit, theta)
        found = exact.probs(circuit, angles)
        return found if batched else found[0]

    def gradient(self, circuit: Circuit, theta: ArrayLike, diagonal: ArrayLike) -> Array:
        """∂_θ Σ_w q(w) g(w) for a frozen g, (2**N,) or (B, 2**N); with noise, of the noisy q."""
        exact, angles, batched = self._exact("gradient"), *self._angles(circuit, theta)
        g = check_finite("diagonal", diagonal)
        size = 2**circuit.n_qubits
        if g.shape not in ((size,), (len(angles), size)):
            raise InvalidArgument(
                "diagonal", expected=f"shape ({size},) or ({len(angles)}, {size})", got=f"shape {g.shape}"
            )
        found = exact.gradient(circuit, angles, np.broadcast_to(g, (len(angles), size)))
        return found if batched else found[0]

    def evaluate(self, circuit: Circuit, theta: Array, diagonal: Callable[[Array], tuple[Array, Any]]) -> Evaluation:
        """Probabilities, ``diagonal(q)`` and its gradient at theta (B, P)."""
        exact, angles, _ = self._exact("evaluate"), *self._angles(circuit, theta)
        return exact.evaluate(circuit, angles, diagonal)

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Bitstrings (shots, N) or (B, shots, N); simulators are seeded from ``rng``.

        Raises:
            DeviceError: the device failed at every attempt, or took too long.
        """
        check_int("shots", shots, low=1, high=10_000_000)
        angles, batched = self._angles(circuit, theta)
        seed = int(rng.integers(2**31))
        runs = self._sampler or self._analytic
        assert runs is not None  # noqa: S101  (one of the two is always there)
        bits = runs.sample(circuit, angles, shots, seed)
        return bits if batched else bits[0]

    def _exact(self, what: str) -> Analytic:
        if self._analytic is None:
            raise Unsupported(
                f"{self.config.device} gives shots only, so that '{what}' is not available. Use a sampling estimator, "
                "or an exact device such as lightning.qubit (or default.mixed for noise)."
            )
        return self._analytic

    def _angles(self, circuit: Circuit, theta: ArrayLike) -> tuple[Array, bool]:
        limit = self.config.max_qubits
        if circuit.n_qubits > limit:
            where = self.config.backend or self.config.device
            raise TooLarge(f"{where} takes at most {limit} qubits, and this circuit has {circuit.n_qubits}.")
        angles = check_angles(theta, circuit.n_params)
        return np.atleast_2d(angles), angles.ndim == 2

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
