"""How far a job is, and its metrics, read from what it prints."""
