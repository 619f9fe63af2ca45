"""Jobs that were sent: one of them, all of them, why one ended as it did."""
