"""What could not be tested here, for want of a program, of the network or of rights."""

from collections import Counter
from collections.abc import Iterable

import pytest

MARK = "NOT TESTED"  # so begins the reason of such a skip; others are of no account


def said(skipped: Iterable[pytest.TestReport]) -> list[str]:
    """Return a line for each reason, with how many tests there are of it."""
    told = (one.longrepr[-1] for one in skipped if isinstance(one.longrepr, tuple | list))
    reasons = Counter(text.removeprefix("Skipped: ") for text in told)
    return [
        f"{reason} ({count} test{'s' * (count > 1)})"
        for reason, count in sorted(reasons.items())
        if reason.startswith(MARK)
    ]
