"""Circuits to and from OpenQASM 2."""
