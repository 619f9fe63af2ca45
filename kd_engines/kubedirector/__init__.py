"""A member in a container of KubeDirector's: what the image runs, and what KubeDirector calls."""
