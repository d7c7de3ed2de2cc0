"""Classical rivals on the same problem."""
