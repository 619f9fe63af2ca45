"""The deployment engine: serves the models that are connected to it, each in its own process."""
