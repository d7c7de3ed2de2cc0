"""Text files of costs, one number a string: how lines, names, points and commas are read."""
