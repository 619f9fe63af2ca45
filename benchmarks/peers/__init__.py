"""What one would use instead: small servers of the same model, in environments of their own."""
