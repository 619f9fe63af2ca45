"""A log as a terminal would show it: what its control sequences make of its text."""
