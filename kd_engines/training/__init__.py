"""The training engine: takes code over REST, runs each job as processes of its own, keeps all."""
