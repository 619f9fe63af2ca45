"""The training engine's HTTP routes."""
