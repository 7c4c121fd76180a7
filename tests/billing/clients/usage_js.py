"""OpenMeter's and Lago's clients for JavaScript: calls go in, and what they give comes out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import node

SCRIPT = Path(__file__).with_name("calls.mjs")


@dataclass(frozen=True)
class Node:
    packages: Path
    address: str
    key: str

    def call(self, client: str, *calls: tuple[Any, ...]) -> list[Any]:
        """Make calls, such as ``("meters.get", "tokens")``; return what each gives.

        What is thrown is ``{"thrown": …}``.
        """
        asked = {"client": client, "address": self.address, "key": self.key, "calls": calls}
        results: list[Any] = node.run(SCRIPT, self.packages, asked)
        return results
