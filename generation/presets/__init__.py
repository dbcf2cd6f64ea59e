"""Settings of the studio, saved by name."""
