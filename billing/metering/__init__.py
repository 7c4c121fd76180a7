"""Usage metered: services, their events, the saga that folds them, and what they come to.

A room for each step, and import-linter holds their order: see ``[tool.importlinter]``.
"""
