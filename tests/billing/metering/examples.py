from collections.abc import Iterable
from datetime import datetime
from itertools import count

import msgspec

from billing.metering.ingesting import ingestion
from billing.metering.models import Definition
from catacloud.accounts.models import ApiKey, Organisation

ids = count(1)


def measured(
    organisation: Organisation, slug: str, quantities: Iterable[tuple[str, datetime]]
) -> None:
    """Send usage of a service, as its emitter would."""
    definition = Definition.objects.get(service__slug=slug)
    events = [
        {
            "specversion": "1.0",
            "id": str(next(ids)),
            "source": "tests",
            "type": definition.event_types[0],
            "time": at,
            "data": {definition.quantity_path: quantity},
        }
        for quantity, at in quantities
    ]
    latest = max(at for _, at in quantities)
    ingestion.accept(
        ingestion.parse(msgspec.json.encode(events)),
        key=ApiKey(organisation=organisation, prefix="tests"),
        now=latest,
    )
