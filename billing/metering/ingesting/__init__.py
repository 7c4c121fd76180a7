"""Usage events on their way in: read off the wire, checked, limited in rate, and appended."""
