"""Train: one run, live."""
