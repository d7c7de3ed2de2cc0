"""Runs: everything that was trained."""
