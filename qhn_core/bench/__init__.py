"""The benchmark behind ``python -m qhn_core bench``."""
