"""What a browser receives until a page is whole for the first time: compressed, as it asks for."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from tests.benchmarks.dashboard.place import Site
from tests.benchmarks.harness import Measure, Options, at_most

ASKED = {"Accept-Encoding": "br, gzip"}
LINKED = re.compile(rb'<(?:script|link)\b[^>]*\b(?:src|href)="(/static/[^"]+)"')
LIBRARY = re.compile(rb'\bdata-library="(/static/[^"]+)"')  # fetched when all else is done
FONT = re.compile(rb'url\("?([^")]*latin-wght-normal[^")]*\.woff2)"?\)')
CHARTS = "plotly"


def measure(name: str, here: Site, options: Options) -> Iterator[Measure]:
    for page, path in _pages(here).items():
        sizes = _sizes(here, path)
        charts = sum(size for file, size in sizes.items() if CHARTS in file)
        whole = sum(sizes.values()) / 1000
        without = f"{name} of {page}, without the chart library"
        yield Measure(without, "kB", whole - charts / 1000, bars=[at_most(250, "kB")])
        yield Measure(f"{name} of {page}", "kB", whole, bars=[at_most(650, "kB")])


def _pages(here: Site) -> dict[str, str]:
    return {
        "the overview": "/overview/",
        "an organisation": f"/organisations/{here.organisation.slug}/usage/",
    }


def _sizes(here: Site, path: str) -> dict[str, int]:
    _, page = here.get(path, {"Cookie": here.cookie})
    files = {name.decode() for name in LINKED.findall(page) + LIBRARY.findall(page)}
    for file in [one for one in files if one.endswith(".css")]:
        _, style = here.get(file, {})
        files |= {urljoin(file, name.decode()) for name in FONT.findall(style)}
    sizes = {file: len(here.get(file, ASKED)[1]) for file in files}
    return {**sizes, path: len(here.get(path, {**ASKED, "Cookie": here.cookie})[1])}
