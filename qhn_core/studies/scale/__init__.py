"""Hundreds and thousands of weights: accuracy on digits against bits, bonds and likelihood evaluations."""
