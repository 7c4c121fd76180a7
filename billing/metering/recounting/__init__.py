"""Tables of usage made anew: to check them, to rebuild them, and when a zone changes."""
