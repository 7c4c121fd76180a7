"""What the pictures are of: a platform that has just begun, the demo's, and a full one."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
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
from billing.rankings import upkeep
from billing.revenue import keeping
from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import ApiKey, Membership, Organisation, Role, User
from catacloud.demo.seed import CUSTOMERS_ORGANISATION, OPERATOR, introduce_seller, seed
from catacloud.org_settings.invitations import invite
from tests.benchmarks import databases
from tests.benchmarks.dashboard import seed as many
from tests.benchmarks.databases import connected_to
from tests.benchmarks.metering.place import Place
from tests.factories import make_organisation, make_user

T = TypeVar("T")

OWNER = "owner@example.org"
LONG = "Gesellschaft für ausgesprochen lange Namen und ihre Darstellung in schmalen Spalten mbH"
LONG_ADDRESS = "a.person.with.quite.a.long.name.and.a.longer.one.yet"
FIRST_INVOICED = date(2020, 1, 1)  # long before any invoice of the pictures
FULL = 0.02  # of what the benchmark of the dashboard fills the tables with


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    operator: User
    owner: User
    organisation: Organisation
    more: Mapping[str, str]

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
            "slug": self.organisation.slug,
            **self.more,
        }

    def cookie(self, user: User) -> str:
        """Return the session that signs somebody in."""
        client = Client()
        client.force_login(user)
        return client.cookies[settings.SESSION_COOKIE_NAME].value


def _empty() -> Mapping[str, str]:
    make_user(OPERATOR, is_staff=True, is_superuser=True)
    acme = make_organisation("Acme")
    make_user(OWNER, organisation=acme, role=Membership.Role.OWNER)
    return {}


def _normal() -> Mapping[str, str]:
    seed(now=datetime.now(UTC), passwords=("unused", "unused"), track=_untold)
    organisation = Organisation.objects.get(name=CUSTOMERS_ORGANISATION)
    make_user(OWNER, organisation=organisation, role=Membership.Role.OWNER)
    keeping.keep(now=datetime.now(UTC), seconds=120)
    return {}


def _full() -> Mapping[str, str]:
    introduce_seller(FIRST_INVOICED)
    many.fill(scale=FULL, now=datetime.now(UTC))  # before the saga, which adds to what is there
    _normal()
    Organisation.objects.filter(name=CUSTOMERS_ORGANISATION).update(name=LONG)
    _credit_and_migrate(now=datetime.now(UTC))
    for span in upkeep.usual(now=datetime.now(UTC)):
        upkeep.keep(span, now=datetime.now(UTC))
    return {"token": _fill_settings(Organisation.objects.get(name=LONG), now=datetime.now(UTC))}


def _fill_settings(organisation: Organisation, *, now: datetime) -> str:
    """Let there be members, invitations and keys with overlong names; return an invitation."""
    make_user(f"{LONG_ADDRESS}@example.org", organisation=organisation)
    used, revoked = f"Render farm of {LONG}"[:100], "Until last autumn"
    for name in (used, revoked, "Never used"):
        create_api_key(organisation=organisation, name=name, now=now)
    keys = ApiKey.objects.filter(organisation=organisation)
    keys.filter(name=used).update(last_used_at=now)
    keys.filter(name=revoked).update(revoked_at=now)
    owner = User.objects.get(email=OWNER)
    for email in ("new@example.org", f"new.{LONG_ADDRESS}@example.org"):
        token = invite(organisation=organisation, email=email, role=Role.BILLING, by=owner, now=now)
    return token


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


STATES: dict[str, Callable[[], Mapping[str, str]]] = {
    "empty": _empty,
    "normal": _normal,
    "full": _full,
}


def _untold(sequence: Iterable[T], description: str) -> Iterable[T]:
    return sequence


@contextmanager
def site(name: str, folder: Path) -> Iterator[Site]:
    """Serve a platform in one of STATES as production does."""
    with databases.fresh(f"screenshots_{name}") as url, connected_to(url):
        more = STATES[name]()
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
                more=more,
            )
