"""Binary-weight networks: one per file."""

from __future__ import annotations

from typing import Any

from qhn_core.networks.base import NETWORKS, NetworkConfig
from qhn_core.networks.functions import FunctionTable, RowHash


def network(name: str, /, **options: Any) -> NetworkConfig:
    """The network ``name``; options as in its config (layers, activation, …)."""
    return NETWORKS.make(name, **options)


NETWORKS.discover(__name__, __path__)

__all__ = ["NETWORKS", "FunctionTable", "NetworkConfig", "RowHash", "network"]
