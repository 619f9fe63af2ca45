"""What runs in the process of one model version; the engine's own process imports none of it."""
