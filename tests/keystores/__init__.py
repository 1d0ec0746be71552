"""Key stores at work."""
