"""Hardware: shots, noise, devices."""
