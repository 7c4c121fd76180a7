"""Usage that was folded, to be recounted."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.billing.metering.examples import measured
from tests.billing.metering.recounting.folded import HOUR, NOON, append, catch_up
from tests.factories import make_organisation
from uploads.events import FileCompleted, FileDeleted, FileExpired, FilePartStored


@pytest.fixture
def acme():
    return make_organisation("Acme")


@pytest.fixture
def used(acme):
    """Some usage of every kind, of two organisations, over two months; folded in small batches."""
    late = NOON - timedelta(days=40, microseconds=1)
    for organisation in (acme, make_organisation("Globex")):
        measured(organisation, "storage", [("1000", NOON), ("-400", NOON + 6 * HOUR), ("7", late)])
        measured(organisation, "execution-time", [("1.5", NOON), ("1e-12", NOON + 13 * HOUR)])
        append(
            organisation,
            organisation.id,
            "file",
            (FilePartStored(start=0, size=500, sha256="00", segment=UUID(int=1)), late),
            (FileCompleted(size=500), NOON),
            (FileCompleted(size=700, shared=700), NOON),
            (FileDeleted(size=500, shared=100, unfinished_size=20), NOON + HOUR / 2),
            (FileExpired(unfinished_size=3), NOON + 3 * HOUR),
        )
    catch_up()
    return acme
