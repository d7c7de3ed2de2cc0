"""A race: several losses from the same starts on the same data."""
