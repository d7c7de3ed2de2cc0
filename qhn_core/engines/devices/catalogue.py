"""The devices a configuration may name, what each can do, and which options it takes.

A configuration can come from a link that a stranger made: only devices and options listed here are accepted, each
with its type and bounds, and nothing in them is evaluated. Credentials have no place in a configuration.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from qhn_core.checks import check_choice, check_int
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.extras import require

OptionValue = bool | int | float | str
#: Most qubits that a device is imitated with on this machine, whatever its size.
LOCAL_QUBITS = 24
#: Most qubits of Aer's matrix product states, whose cost follows the bonds and not the width.
BOND_QUBITS = 2000
#: Aer's method for circuits of many wires.
BONDS = "matrix_product_state"
#: Qubits of the largest IBM device that was ever built (Condor, 2023); a device's own number is known once it answers.
REMOTE_QUBITS = 1121
_TRANSPILER: dict[str, tuple[str, ...] | tuple[int, int]] = {
    "optimization_level": (0, 3),
    "seed_transpiler": (0, 2**31 - 1),
}
_SECRET = re.compile(r"token|secret|passw|key|credential|instance|crn|url|auth|channel|account", re.IGNORECASE)
#: Environment variable by which a server's owner allows runs on real devices, which cost money.
ALLOW_REMOTE = "QHN_ALLOW_REMOTE"


@dataclass(frozen=True)
class Device:
    """One device.

    Args:
        name: PennyLane's name of it.
        label: what a form shows.
        gradients: gradient methods, the first being the automatic one; none for a device that gives shots only.
        noise: whether the noise setting applies to it.
        max_qubits: largest N.
        options: option name -> allowed words, or (low, high) of an integer.
    """

    name: str
    label: str
    gradients: tuple[str, ...] = ()
    noise: bool = False
    max_qubits: int = LOCAL_QUBITS
    options: Mapping[str, tuple[str, ...] | tuple[int, int]] = field(default_factory=dict)


DEVICES: dict[str, Device] = {
    d.name: d
    for d in (
        Device(
            "default.qubit",
            "PennyLane default.qubit (exact)",
            ("backprop", "adjoint", "parameter_shift"),
            max_qubits=20,
        ),
        Device(
            "lightning.qubit",
            "PennyLane lightning.qubit (exact)",
            ("adjoint", "parameter_shift"),
            options={"precision": ("double", "single")},
        ),
        Device(
            "default.mixed",
            "PennyLane default.mixed (exact, with noise)",
            ("backprop", "parameter_shift"),
            noise=True,
            max_qubits=10,
        ),
        Device(
            "qiskit.aer",
            "Qiskit Aer (shots)",
            noise=True,
            options={
                "method": ("automatic", "statevector", "density_matrix", BONDS),
                "precision": ("double", "single"),
                **_TRANSPILER,
            },
        ),
        Device(
            "qiskit.remote",
            "IBM back end (shots)",
            max_qubits=REMOTE_QUBITS,
            options=_TRANSPILER,
        ),
    )
}


def check_options(device: str, options: Mapping[str, object]) -> dict[str, OptionValue]:
    """``options`` if ``device`` takes all of them; otherwise an error naming the first that it does not take."""
    allowed = DEVICES[device].options
    checked: dict[str, OptionValue] = {}
    for key, value in options.items():
        if key not in allowed and _SECRET.search(key):
            raise InvalidArgument(
                "options",
                expected="no credentials, as configurations are stored and shared",
                got=f"the key '{key[:20]}'",
                remedy="Save an account with QiskitRuntimeService.save_account and name it in 'account'.",
            )
        if not allowed:
            raise InvalidArgument("options", expected=f"none, as {device} takes no options", got=key)
        rule = allowed[check_choice("options", key, allowed)]
        if isinstance(rule[0], str):
            checked[key] = check_choice(f"options.{key}", value, rule)  # type: ignore[arg-type]
        else:
            checked[key] = check_int(f"options.{key}", value, low=rule[0], high=rule[1])  # type: ignore[arg-type]
    return checked


@lru_cache(maxsize=1)
def _fake_classes() -> dict[str, tuple[str, int]]:
    """Back-end name -> (class name, qubits), read from each snapshot's own configuration file."""
    require("qiskit_ibm_runtime", purpose="A snapshot of an IBM device")
    from qiskit_ibm_runtime import fake_provider

    found = {}
    for attribute in sorted(vars(fake_provider)):
        cls = getattr(fake_provider, attribute)
        conf = getattr(cls, "conf_filename", None)
        if attribute.startswith("Fake") and conf and getattr(cls, "dirname", None):
            found[cls.backend_name] = (attribute, int(json.loads((Path(cls.dirname) / conf).read_text())["n_qubits"]))
    return found


def fake_backends() -> dict[str, int]:
    """Snapshots of IBM devices that run on this machine: name -> number of qubits, smallest first."""
    return dict(sorted(((name, n) for name, (_, n) in _fake_classes().items()), key=lambda item: (item[1], item[0])))


def fake_qubits(name: str) -> int:
    """Number of qubits of the snapshot ``name``; UnknownName lists those there are."""
    return _fake_classes()[check_choice("backend", name, _fake_classes())][1]


def snapshot_qubits(backend: str) -> int:
    """Number of qubits of the real device ``ibm_…``, as its snapshot ``fake_…`` says; 0 where there is none."""
    return _fake_classes().get(backend.replace("ibm_", "fake_", 1), ("", 0))[1]


def fake_backend(name: str) -> object:
    """The snapshot ``name`` as a Qiskit back end; UnknownName lists those there are."""
    from qiskit_ibm_runtime import fake_provider

    check_choice("backend", name, _fake_classes())
    return getattr(fake_provider, _fake_classes()[name][0])()


def larger_snapshot(n_qubits: int) -> str:
    """The smallest snapshot on which ``n_qubits`` can run; empty if there is none."""
    fits = (name for name, size in fake_backends().items() if n_qubits <= min(size, LOCAL_QUBITS))
    return next(fits, "")


def is_fake(backend: str) -> bool:
    """Whether ``backend`` is a local snapshot (by its name)."""
    return backend.startswith("fake_")


def check_remote_allowed(backend: str) -> None:
    """Refuse a real back end unless the owner of this machine allowed real ones."""
    if os.environ.get(ALLOW_REMOTE, "") not in ("1", "true", "yes"):
        raise Unsupported(
            f"Back end '{backend}' is a real device, whose use may cost money. The owner of this machine allows it by "
            f"setting the environment variable {ALLOW_REMOTE}=1 before starting the program; a snapshot such as "
            "'fake_manila' needs no permission."
        )
