"""Invoices as people and programs read them: described, written out, as PDF and as EN 16931."""
