"""What a submission may hold, and what it would miss, before it is taken."""
