"""``./dev bench NAME [--json] [--peers]``: exit code 1 when a bar does not hold."""

import argparse
import importlib
import json
import sys

from tests.benchmarks import databases
from tests.benchmarks.harness import Options

NAMES = [
    "eventstore",
    "metering",
    "billing",
    "dashboard",
    "uploads",
    "soak-uploads",
    "soak-metering",
    "soak-closing",
]


def main() -> int:
    options = _parse()
    databases.use_template()
    benchmark = importlib.import_module(f"tests.benchmarks.{options.name.replace('-', '_')}")
    failed = False
    for measure in benchmark.run(Options(options.scale, options.only, options.growth)):
        line = json.dumps(measure.as_json()) if options.json else str(measure)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        failed = failed or not measure.holds
    return 1 if failed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--peers", action="store_true", help="first install the other event stores")
    parser.add_argument("--scale", type=float, default=1.0, help="of how much is done")
    parser.add_argument("--only", default="", help="measures whose name contains this")
    parser.add_argument(
        "--growth", action="store_true", help="also beside many events stored: long"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
