"""Models as data: what a job wrote, registering, deploying, asking."""
