"""What Lighthouse says of the main pages on a phone, in the installed browser."""

import json
import os
import subprocess
from collections.abc import Iterator

from tests.benchmarks.dashboard.place import Site
from tests.benchmarks.harness import Measure, Options, no_less_than
from tests.benchmarks.workers import ROOT

BINARY = ROOT / ".local" / "lighthouse" / "node_modules" / ".bin" / "lighthouse"
CATEGORIES = ("performance", "accessibility", "best-practices")
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
LIMIT = 300  # seconds


def measure(name: str, here: Site, options: Options) -> Iterator[Measure]:
    """Nothing where Lighthouse or a browser could not be installed: ./dev says so."""
    if not BINARY.exists() or not os.environ.get("CATACLOUD_BROWSER"):
        return
    slug = here.organisation.slug
    pages = {
        "overview": "/overview/",
        "usage": f"/organisations/{slug}/usage/",
        "costs": f"/organisations/{slug}/costs/",
        "invoices": f"/organisations/{slug}/invoices/",
    }
    for page, path in pages.items():
        for category, points in _points(here, path).items():
            yield Measure(f"{name}: {page}, {category}", "points", points, bars=[no_less_than(95)])


def _points(here: Site, path: str) -> dict[str, float]:
    report = here.place.folder / "lighthouse.json"
    subprocess.run(
        [
            str(BINARY),
            f"{here.url}{path}",
            "--quiet",
            "--output=json",
            f"--output-path={report}",
            "--form-factor=mobile",
            f"--only-categories={','.join(CATEGORIES)}",
            f"--chrome-flags={FLAGS}",
            f"--extra-headers={json.dumps({'Cookie': here.cookie})}",
        ],
        env={**os.environ, "CHROME_PATH": os.environ["CATACLOUD_BROWSER"]},
        check=True,
        timeout=LIMIT,
    )
    found = json.loads(report.read_text())
    if found.get("runtimeError"):
        raise RuntimeError(f"{path}: {found['runtimeError']}")
    return {name: 100 * found["categories"][name]["score"] for name in CATEGORIES}
