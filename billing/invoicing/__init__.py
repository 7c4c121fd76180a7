"""Invoices: what an organisation owes for a period, made once and never changed.

A room for each step, and import-linter holds their order: see ``[tool.importlinter]``.
"""
