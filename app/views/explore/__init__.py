"""Explore: the distribution, the posterior, the landscape of a run."""
