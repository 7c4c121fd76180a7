"""A period becomes an invoice: drafted as the preview shows it, numbered, and frozen."""
