"""Devices: PennyLane's simulators, Aer, snapshots of IBM devices, and the devices themselves."""

from __future__ import annotations

from qhn_core.engines.devices.pennylane import PennyLane

__all__ = ["PennyLane"]
