"""The words that notebook, engines and sidebar share: connections, models, clusters, registry."""
