"""The REST calls of connected clusters."""
