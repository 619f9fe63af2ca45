"""Registered models, and where they are deployed."""
