"""Which job runs when, and how its processes are started."""
