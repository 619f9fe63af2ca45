"""Jobs as data: finding, waiting for, and what they kept or why they failed."""
