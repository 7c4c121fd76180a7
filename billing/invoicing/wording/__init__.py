"""Words, amounts and days in a document's language."""
