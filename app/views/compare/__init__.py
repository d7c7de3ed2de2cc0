"""Compare: losses raced from the same starts."""
