"""Uploads through gunicorn, beside the raw limit: a copy from a socket to a file, at C's speed.

Both ends, the database and the raw limit share this machine, and take turns. The bars are those of
the project's fourth issue. ``--scale`` is of the sizes, and ``--only`` takes
throughput, finals, heads or memory.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.harness import Measure, Options
from tests.benchmarks.uploads import answers, costs, throughput
from tests.benchmarks.uploads.place import place
from tests.benchmarks.uploads.runs import Bench
from tests.benchmarks.workers import ROOT, Team

HERE = Path(__file__).parent
PACKAGES = ROOT / ".local" / "clients" / "node_modules"
LEAN = (sys.executable, str(HERE / "lean.py"))  # as a file: as a module it would need Django
MEASURES: dict[str, Callable[[Bench], Iterator[Measure]]] = {
    "throughput": throughput.run,
    "finals": answers.finals,
    "heads": answers.heads,
    "memory": costs.of_memory,
}


def run(options: Options) -> Iterator[Measure]:
    with ExitStack() as stack:
        where = stack.enter_context(place("uploads"))
        bench = Bench(
            where,
            size=max(4, round(512 * options.scale)) * 2**20,
            scale=options.scale,
            single=stack.enter_context(Team(LEAN, url="")),
            four=stack.enter_context(Team(LEAN, url="", size=4)),
            tus_js=_tus_js(stack),
            idle=where.peak_memory(),
        )
        for name, measures in MEASURES.items():
            if options.only in name:
                if name == "memory" and not any(bench.written.values()):
                    list(throughput.run(bench))  # else it would be that of an idle worker
                yield from measures(bench)


def _tus_js(stack: ExitStack) -> Team | None:
    node = shutil.which("node")
    if not node or not (PACKAGES / "tus-js-client").is_dir():
        sys.stderr.write("NOT measured with tus-js-client: ./dev test installs it, with npm.\n")
        return None
    return stack.enter_context(Team([node, str(HERE / "tus_js.mjs"), str(PACKAGES)], url=""))
