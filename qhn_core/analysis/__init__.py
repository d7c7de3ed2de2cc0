"""Quantities computed from probabilities and problems: evidence, predictive, spectrum, trainability, statistics."""
