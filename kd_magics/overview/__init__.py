"""What is attached to this notebook."""
