"""``version``: which versions run here."""

from __future__ import annotations

import platform
import tomllib
from importlib import metadata

import typer

from qhn_core import places

#: Packages whose versions matter to results.
_PACKAGES = ("numpy", "numba", "torch", "pennylane", "pennylane-lightning", "qiskit-aer", "scikit-learn", "streamlit")


def command() -> None:
    """Print versions of QHN Lab, Python and the packages that results depend on."""
    typer.echo(f"qhn-lab {_own()}")
    typer.echo(f"python {platform.python_version()} on {platform.platform()}")
    for name in _PACKAGES:
        try:
            typer.echo(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            typer.echo(f"{name} is not installed")


def _own() -> str:
    try:
        return metadata.version("qhn-lab")
    except metadata.PackageNotFoundError:  # run from a checkout
        project = places.root() / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
