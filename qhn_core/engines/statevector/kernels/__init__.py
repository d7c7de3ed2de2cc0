"""Compiled loops of the exact engine: one kind of operation a file."""
