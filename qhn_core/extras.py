"""Packages that a plain installation does without, and the extra that brings each."""

from __future__ import annotations

from importlib.util import find_spec

from qhn_core.errors import Unsupported

#: Package, as it is imported -> (what it is called, the extra of pyproject.toml that brings it).
EXTRAS = {
    "distributed": ("Dask", "cluster"),
    "pennylane": ("PennyLane", "devices"),
    "pennylane_lightning": ("PennyLane Lightning", "devices"),
    "qiskit": ("Qiskit", "devices"),
    "qiskit_aer": ("Qiskit Aer", "devices"),
    "qiskit_ibm_runtime": ("Qiskit's IBM runtime", "devices"),
    "torch": ("PyTorch", "torch"),
}


class MissingExtra(Unsupported):
    """A package that an extra brings is not installed; the message says how to install it."""


def is_installed(*packages: str) -> bool:
    """Whether all of these packages can be imported."""
    return all(find_spec(package) for package in packages)


def require(*packages: str, purpose: str) -> None:
    """Refuse what needs packages that are not installed.

    Args:
        packages: as they are imported, each one of :data:`EXTRAS`.
        purpose: what needs them, as the subject of a sentence.

    Raises:
        MissingExtra: one of them is not installed; names the extra and the command.
    """
    for package in packages:
        if not is_installed(package):
            title, extra = EXTRAS[package]
            raise MissingExtra(
                f"{purpose} needs {title}, which is not installed. Install it with: "
                f"python -m pip install 'qhn-lab[{extra}]' (in a checkout: './run.sh setup')."
            )
