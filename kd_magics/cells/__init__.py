"""A cell's way to a training cluster: its magic, its options, what is looked at, what travels."""
