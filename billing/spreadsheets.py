"""Text that goes into a spreadsheet, which takes some of it for a formula."""

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def cell(text: str) -> str:
    """Return text as a cell that only shows it: what would be a formula gets a quote before it."""
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text
