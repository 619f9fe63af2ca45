"""Jobs as their folders tell of them."""
