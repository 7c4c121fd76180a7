"""What a process loads at its start stays for its life: let the garbage collector pass it by.

Without this, each of its rounds walks all of Django again, which costs a consumer of events a
quarter of its speed.
"""

import gc
from typing import Any


def settle(**_: Any) -> None:
    """Call it once all is imported. Also a receiver of Celery's signals."""
    gc.collect()
    gc.freeze()
