"""What the HTTP servers of all engines share: who may ask, answers, connections, draining."""
