"""Races, sweeps, reproduction of claims, reports."""
