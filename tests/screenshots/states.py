"""What the pictures are of: a platform that has just begun, the demo's, and a full one."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.test import Client

from billing.invoicing.models import Invoice
from billing.invoicing.settling.after import CreditNote
from billing.invoicing.settling.crediting import credit, shares
from billing.metering.models import Service
from billing.migrating.models import PlanMigration
from billing.migrating.naming import name as name_migration
from billing.migrating.simulating import simulate
from billing.periods import ONE_DAY
from billing.pricing.models import PlanVersion
from billing.rankings import revenue, upkeep
from catacloud.accounts.models import Membership, Organisation, User
from catacloud.demo.seed import CUSTOMERS_ORGANISATION, OPERATOR, seed
from tests.benchmarks import databases
from tests.benchmarks.dashboard import seed as many
from tests.benchmarks.databases import connected_to
from tests.benchmarks.metering.place import Place
from tests.factories import make_organisation, make_user

T = TypeVar("T")

OWNER = "owner@example.org"
LONG = "Gesellschaft für ausgesprochen lange Namen und ihre Darstellung in schmalen Spalten mbH"
FULL = 0.02  # of what the benchmark of the dashboard fills the tables with


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    operator: User
    owner: User
    organisation: Organisation

    def things(self) -> Mapping[str, object | None]:
        """Return what pages are of, by the names that their addresses have for it."""
        invoice = Invoice.objects.filter(organisation=self.organisation).first()
        note = CreditNote.objects.filter(invoice__organisation=self.organisation).first()
        version, migration = PlanVersion.objects.first(), PlanMigration.objects.first()
        return {
            "organisation": self.organisation.pk,
            "day": datetime.now(UTC).date() - ONE_DAY,
            "number": invoice and invoice.number,
            "note": note and note.number,
            "service": Service.objects.values_list("pk", flat=True).first(),
            "version": version and version.pk,
            "migration": migration and migration.pk,
        }

    def cookie(self, user: User) -> str:
        """Return the session that signs somebody in."""
        client = Client()
        client.force_login(user)
        return client.cookies[settings.SESSION_COOKIE_NAME].value


def _empty() -> None:
    make_user(OPERATOR, is_staff=True, is_superuser=True)
    acme = make_organisation("Acme")
    make_user(OWNER, organisation=acme, role=Membership.Role.OWNER)


def _normal() -> None:
    seed(now=datetime.now(UTC), passwords=("unused", "unused"), track=_untold)
    organisation = Organisation.objects.get(name=CUSTOMERS_ORGANISATION)
    make_user(OWNER, organisation=organisation, role=Membership.Role.OWNER)
    revenue.fill(now=datetime.now(UTC), seconds=120)


def _full() -> None:
    many.fill(scale=FULL, now=datetime.now(UTC))  # before the saga, which adds to what is there
    _normal()
    Organisation.objects.filter(name=CUSTOMERS_ORGANISATION).update(name=LONG)
    _credit_and_migrate(now=datetime.now(UTC))
    for span in upkeep.usual(now=datetime.now(UTC)):
        upkeep.keep(span, now=datetime.now(UTC))


def _credit_and_migrate(*, now: datetime) -> None:
    """Credit a part of an invoice, and name and simulate who would move to another plan."""
    invoice = Invoice.objects.filter(organisation__name=LONG).latest("starts_on")
    credit(invoice, shares(invoice, Decimal(12)), reason="An outage of twelve hours", now=now)
    moved = PlanMigration(
        to_version=PlanVersion.objects.filter(status=PlanVersion.Status.PUBLISHED).latest("pk"),
        name_contains="a",
        reason="New prices from January on, as told in October",
    )
    simulate(name_migration(moved, now=now), now=now)


STATES: dict[str, Callable[[], None]] = {"empty": _empty, "normal": _normal, "full": _full}


def _untold(sequence: Iterable[T], description: str) -> Iterable[T]:
    return sequence


@contextmanager
def site(name: str, folder: Path) -> Iterator[Site]:
    """Serve a platform in one of STATES as production does."""
    with databases.fresh(f"screenshots_{name}") as url, connected_to(url):
        STATES[name]()
        environment = {**os.environ, "DATABASE_URL": url, "STATIC_ROOT": str(folder / "static")}
        place = Place(url, "", [], environment, folder)
        place.collect_static()
        owner = User.objects.get(email=OWNER)
        with place.web() as port:
            yield Site(
                url=f"http://127.0.0.1:{port}",
                operator=User.objects.get(email=OPERATOR),
                owner=owner,
                organisation=owner.organisations.get(),
            )
