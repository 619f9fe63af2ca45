"""A process that has a job's imports done, and forks a runner and a job's process in advance."""
