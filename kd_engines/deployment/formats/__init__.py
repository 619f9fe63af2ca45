"""Models of known formats, which need no scoring script."""
