"""The pages that are opened every morning: 10,000 organisations, two years of five services.

Gunicorn serves them as in production, beside the database, on the same cores.
"""

from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks.dashboard import exports, following, lighthouse, pages, ranking, weight
from tests.benchmarks.dashboard.place import Site, site
from tests.benchmarks.harness import Measure, Options

Part = Callable[[str, Site, Options], Iterator[Measure]]

PARTS: dict[str, Part] = {
    "ranking all organisations": ranking.measure,
    "working out days' revenue": ranking.measure_revenue,
    "overview": partial(pages.measure, paths=pages.OVERVIEW),
    "organisation": partial(pages.measure, paths=pages.ORGANISATION),
    "event to the table of organisations": following.measure,
    "first load": weight.measure,
    "export of a year as CSV": exports.measure,
    "FOCUS, rules broken": exports.focus,
    "Lighthouse, phone": lighthouse.measure,
    "a year to correct": pages.measure_corrected,  # which changes what the others measure
}


def run(options: Options) -> Iterator[Measure]:
    wanted = {name: part for name, part in PARTS.items() if options.only in name}
    with site(options.scale) as here:
        for name, part in wanted.items():
            yield from part(name, here, options)
