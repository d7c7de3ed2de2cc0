"""The choice of a device: from sidebar and URL to an engine configuration."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import streamlit as st

from app import state
from app.jobs import Job, Watch, jobs
from qhn_core.engines.base import Engine, EngineConfig
from qhn_core.engines.devices.catalogue import BONDS, LOCAL_QUBITS
from qhn_core.errors import QHNError, Unsupported
from qhn_core.extras import require

#: Kind -> label, in the order of the form.
KINDS = {
    "ideal": "Ideal simulator",
    "aer": "Aer, ideal",
    "noise": "Aer with noise",
    "snapshot": "Aer, noise of an IBM device",
    "fake": "Fake IBM back end",
    "ibm": "Real IBM back end",
}
#: Millionths of each rate, as the URL holds them: name -> (label, default, largest, what it is).
RATES = {
    "p1": ("One-qubit gates, λ₁ %", 1_000, 50_000, "Depolarising λ after every one-qubit gate, Qiskit's convention"),
    "p2": ("Two-qubit gates, λ₂ %", 10_000, 200_000, "Depolarising λ after every two-qubit gate, Qiskit's convention"),
    "ro": ("Readout error, %", 20_000, 100_000, "Probability that a measured bit is read wrongly"),
}
#: Seconds that a job may take on this machine.
TIMEOUT = 300.0
_REAL = """
Runs on IBM's machines cost money, and nobody starts one from a link:

1. On the machine that runs this program, once, in a Python shell:
```python
from qiskit_ibm_runtime import QiskitRuntimeService
from getpass import getpass
QiskitRuntimeService.save_account(
    token=getpass("API key: "),
    instance="…", name="lab")
```
Qiskit keeps it in that user's home folder. This program never asks for the token, and never stores or logs it.

2. Start the program with `QHN_ALLOW_REMOTE=1 ./run.sh`.
3. Write the back end (`ibm_torino`) and the account's name (`lab`) below.
4. Choose few shots and few steps: the cost is shown, and nothing is sent before you confirm it.
"""


@dataclass(frozen=True)
class Device:
    """A device, as chosen.

    Args:
        kind: key of :data:`KINDS`.
        config: its engine; None while Qiskit is loaded or where the choice cannot work (``problem`` says why).
        label: short name.
        noise: (λ₁, λ₂, readout error), for the noise setting only.
    """

    kind: str
    config: EngineConfig | None
    label: str
    noise: tuple[float, float, float] = (0.0, 0.0, 0.0)
    problem: str = ""

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What distinguishes it from other devices."""
        return (self.kind, "" if self.config is None else self.config.model_dump_json())

    @property
    def waiting(self) -> bool:
        """Whether it comes when its library is loaded."""
        return self.config is None and not self.problem

    @property
    def remote(self) -> bool:
        """Whether its jobs leave this machine."""
        return self.kind == "ibm"

    @property
    def perfect(self) -> bool:
        """Whether its distribution is the noiseless circuit's."""
        return self.kind in ("ideal", "aer") or (self.kind == "noise" and not any(self.noise))


def loading() -> Job:
    """The job that imports PennyLane and Qiskit and lists the snapshots: name -> qubits."""
    return jobs().get(("hardware", "devices"), _load, patience=0.05, lasting=True)


def _load(watch: Watch) -> dict[str, int]:
    require("pennylane", "qiskit", "qiskit_aer", purpose="A device other than the ideal one")
    import pennylane  # noqa: F401  (imported here so that nothing waits for it later)

    watch.progress(0.5)
    import qiskit_aer  # noqa: F401

    watch.progress(0.8)
    from qhn_core.engines.devices.catalogue import fake_backends

    return fake_backends()


def choose(n_qubits: int) -> Device:
    """The widgets, holding what the URL says; returns the device."""
    at = list(KINDS).index(state.choice("device", tuple(KINDS), "ideal"))
    kind = str(
        st.selectbox(
            "Device",
            list(KINDS),
            at,
            format_func=KINDS.__getitem__,
            key="hardware.device",
            help="Where the circuit is run: without noise, with noise of your choice, or as a real machine has it.",
        )
    )
    state.keep_choice("device", kind)
    snapshots: dict[str, int] | None = loading().result
    if kind == "noise":
        return _noisy(_rates(), n_qubits, snapshots is None)
    _forget(RATES)
    if kind in ("snapshot", "fake"):
        return _fake(kind, n_qubits, snapshots)
    if kind == "ibm":
        return _real()
    _forget(("backend", "account"))
    if kind == "ideal":
        return Device(kind, _engine("auto"), KINDS[kind])
    wide = _method(n_qubits)
    label = f"{KINDS[kind]}, by bonds" if wide else KINDS[kind]
    return Device(kind, None if snapshots is None else _pennylane("qiskit.aer", **wide), label)


def _forget(names: Any) -> None:
    for name in names:
        state.keep_choice(name, None)


def _rates() -> tuple[float, float, float]:
    _forget(("backend", "account"))
    found = []
    for name, (label, default, most, text) in RATES.items():
        millionths = min(state.number(name, default) or 0, most)
        percent = st.slider(
            label, 0.0, most / 10_000, millionths / 10_000, 0.05, format="%.2f", key=f"hardware.{name}", help=text
        )
        value = round(percent * 10_000)
        state.keep_choice(name, value)
        found.append(value / 1e6)
    return (found[0], found[1], found[2])


def _noisy(rates: tuple[float, float, float], n_qubits: int, waiting: bool) -> Device:
    _each_shot(n_qubits)
    label = f"Aer, λ₁ {rates[0]:.2%}, λ₂ {rates[1]:.2%}, readout {rates[2]:.2%}"
    if waiting:
        return Device("noise", None, label, rates)
    one, two, readout = rates
    noise = {"noise_1q": one, "noise_2q": two, "readout_error": readout}
    return Device("noise", _pennylane("qiskit.aer", **noise, **_method(n_qubits)), label, rates)


def _method(n_qubits: int) -> dict[str, Any]:
    """Aer's option for circuits that no state vector holds: matrix product states."""
    return {"options": {"method": BONDS}} if n_qubits > LOCAL_QUBITS else {}


def _each_shot(n_qubits: int) -> None:
    """Say what noise costs where bonds simulate it: about 0.03, 0.3 and 2 s of a core a shot at 60, 200, 640 qubits."""
    if n_qubits > LOCAL_QUBITS:
        st.caption(
            f"{n_qubits} qubits: with noise every shot is simulated by itself, which takes seconds at hundreds of "
            f"qubits. A job ends after {TIMEOUT:.0f} s: take few shots."
        )


def _fake(kind: str, n_qubits: int, snapshots: dict[str, int] | None) -> Device:
    if snapshots is None:
        return Device(kind, None, KINDS[kind])
    fitting = [name for name, size in snapshots.items() if size >= n_qubits]
    if not fitting:
        most = max(snapshots.values(), default=0)
        words = (
            f"No snapshot has {n_qubits} qubits: the largest has {most}. {KINDS['aer']} takes any, {KINDS['noise']} "
            "too, with few shots."
        )
        return Device(kind, None, KINDS[kind], problem=words)
    if kind == "fake" and n_qubits > LOCAL_QUBITS:
        words = f"{n_qubits} qubits: a back end is imitated with at most {LOCAL_QUBITS}. Choose {KINDS['snapshot']}, "
        return Device(kind, None, KINDS[kind], problem=f"{words}whose noise is simulated by bonds.")
    usual = next((n for n in ("fake_manila", "fake_lagos", "fake_guadalupe") if n in fitting), fitting[0])
    name = str(
        st.selectbox(
            "Back end",
            fitting,
            fitting.index(state.choice("backend", fitting, usual)),
            format_func=lambda n: f"{n} ({snapshots[n]} qubits)",
            key=f"hardware.backend.{n_qubits}",
            help="Snapshots of IBM devices: couplings, gates and noise as calibrated, simulated on this machine",
        )
    )
    state.keep_choice("backend", name)
    device = "qiskit.aer" if kind == "snapshot" else "qiskit.remote"
    _each_shot(n_qubits)
    wide = _method(n_qubits) if kind == "snapshot" else {}
    return Device(kind, _pennylane(device, backend=name, **wide), f"{name}{' (Aer)' if kind == 'snapshot' else ''}")


def _real() -> Device:
    with st.expander("How to use a real back end", expanded=True):
        st.markdown(_REAL)
    name = st.text_input(
        "IBM back end",
        key="hardware.ibm",
        placeholder="ibm_torino",
        max_chars=32,
        help="Name of the machine, as IBM lists it.",
    ).strip()
    account = st.text_input(
        "Saved account",
        key="hardware.account",
        placeholder="lab",
        max_chars=32,
        help="Name of an account saved on this server; a token is never asked for here.",
    ).strip()
    label = KINDS["ibm"]
    if not name:
        return Device("ibm", None, label, problem="Name a back end, after the steps in the sidebar.")
    if name.startswith("fake_"):
        return Device("ibm", None, label, problem="That is a snapshot: choose the device Fake IBM back end.")
    from qhn_core.engines.devices.catalogue import check_remote_allowed

    try:
        check_remote_allowed(name)
        config = _pennylane("qiskit.remote", backend=name, account=account, timeout=3600.0)
    except QHNError as error:
        return Device("ibm", None, label, problem=str(error))
    return Device("ibm", config, name)


def _pennylane(device: str, **options: Any) -> EngineConfig:
    return _engine("pennylane", device=device, **{"timeout": TIMEOUT, **options})


def _engine(name: str, **options: Any) -> EngineConfig:
    from qhn_core.engines import ENGINES

    return ENGINES.make(name, **options)


@lru_cache(maxsize=8)
def _built(text: str) -> Engine:
    from qhn_core.engines import ENGINES

    return ENGINES.parse(json.loads(text)).build()


def engine_of(device: Device) -> Engine:
    """The device's engine; the last few are kept, with their transpiled circuits."""
    if device.config is None:
        raise Unsupported(device.problem or "The device is not ready yet.")
    return _built(device.config.model_dump_json())


@lru_cache(maxsize=1)
def exact_engine() -> Engine:
    """The noiseless simulator that everything is compared with."""
    return _engine("auto").build()
