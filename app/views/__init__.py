"""Pages: one per file, with its private parts beside it."""
