"""The process that holds one job."""
