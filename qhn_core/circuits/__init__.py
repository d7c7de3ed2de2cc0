"""Circuits: gates and their order; as text, in PennyLane and in OpenQASM."""
