"""What usage comes to: by windows and dimensions from hours, and from the daily tables."""
