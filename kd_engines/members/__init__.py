"""The processes of an engine: how they end with their parent, and are found where they do not."""
