"""What can go wrong around the saga: one file for each fault, on real servers and processes."""
