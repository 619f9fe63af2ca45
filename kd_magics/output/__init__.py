"""What a job prints, in a notebook or a terminal."""
