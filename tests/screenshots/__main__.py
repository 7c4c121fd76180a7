"""``./dev screenshots [FOLDER]``: pictures of every page, to be looked at.

In light, dark, on a phone and in German; of a platform that is empty, of the demo's, and of one
that is full and has overlong names.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import databases
from tests.benchmarks.workers import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev screenshots", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / ".local" / "screenshots")
    parser.add_argument("--state", action="append", help="empty, normal, full; all by default")
    parser.add_argument("--only", default="", help="pages whose name contains this")
    options = parser.parse_args()
    databases.use_template()
    from tests.screenshots import states, taking  # they need Django, which is set up by now

    count = 0
    with tempfile.TemporaryDirectory(prefix="catacloud-screenshots-") as folder:
        Path(folder).chmod(0o711)  # `nobody`, as whom root's servers run, may pass
        os.environ["BLOB_ROOT"] = f"{folder}/blobs"
        for name in options.state or states.STATES:
            with states.site(name, Path(folder)) as site:
                count += taking.take(site, options.folder / name, only=options.only)
    sys.stdout.write(f"{count} pictures are in {options.folder}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
