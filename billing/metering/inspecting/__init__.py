"""Which events came, what counts them, and why what does not count does not."""
