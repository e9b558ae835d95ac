"""Many starts at once."""
