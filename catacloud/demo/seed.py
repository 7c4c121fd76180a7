"""Make the demo's platform: through the functions that endpoints, pages and tasks call."""

import io
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Protocol, TypeVar

import msgspec
from django.utils.text import slugify

from billing.budgets.keeping import set_budget
from billing.budgets.models import Budget, Threshold
from billing.invoicing.charging.subscriptions import subscribe
from billing.invoicing.closing.close import close_period, organisations_to_close
from billing.invoicing.legal import BillingDetails, LegalEntity
from billing.invoicing.models import Invoice
from billing.invoicing.settling.paying import record_payment
from billing.metering.folding import saga
from billing.metering.ingesting import ingestion
from billing.periods import ONE_DAY, Days, month_before, month_of, start_of
from billing.pricing.models import PlanVersion
from catacloud.accounts.api_keys import create_api_key, find_api_key
from catacloud.accounts.models import ApiKey, Membership, Organisation, User
from catacloud.accounts.organisations import create_missing
from catacloud.demo.customers import CUSTOMERS, SEED, usage_of
from catacloud.demo.plans import publish_all, tell_regions_apart
from eventstore import feed
from uploads import ending, files

DAYS = 90
OPERATOR = "operator@catacloud.example"
CUSTOMER = "mara@nordlicht-media.example"
CUSTOMERS_ORGANISATION = CUSTOMERS[0].name
LATE = "Quarry Street Games"  # with what it pays
FILES = ["press kit.pdf", "render settings.json", "cut 7, final.mov"]

T = TypeVar("T")


class Track(Protocol):
    """Wraps what takes a while in a progress bar."""

    def __call__(self, sequence: Iterable[T], description: str) -> Iterable[T]: ...


@dataclass(frozen=True, slots=True)
class Login:
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Logins:
    """What the demo shows once, at its start: its users, and a key for programs."""

    operator: Login
    customer: Login
    platform_key: str


def seed(*, now: datetime, passwords: tuple[str, str], track: Track) -> Logins:
    """Make the whole demo on an empty database: 90 days of usage, plans, and their invoices."""
    days = Days(now.date() - timedelta(days=DAYS - 1), now.date() + ONE_DAY)
    tell_regions_apart()
    introduce_seller(days.first)
    _join(days.first, publish_all(days.starts_at), now)
    logins = _let_people_in(now, passwords)
    key = find_api_key(logins.platform_key)
    for day in track(days, "Sending usage"):
        _send(day, first=days.first, until=now, key=key)
    stay = [customer.name for customer in CUSTOMERS if customer.leaves is None]
    for organisation in track(list(Organisation.objects.filter(name__in=stay)), "Uploading files"):
        _upload_files(organisation, days)
    for partition in track(feed.partitions(), "Metering"):
        while saga.advance(partition=partition):
            pass
    _close_months(days.first, now, track)
    _set_budget(now)
    _pay(now)
    return logins


def introduce_seller(since: date) -> None:
    """Say who invoices, at 19 % VAT for customers at home, unless that was said before."""
    seller, _ = LegalEntity.objects.get_or_create(
        slug="catacloud",
        defaults={
            "legal_name": "Catacloud GmbH",
            "street": "Am Kai 7",
            "postcode": "24103",
            "city": "Kiel",
            "country": "DE",
            "vat_id": "DE136695976",
            "registration": "Amtsgericht Kiel, HRB 12345",
            "email": "billing@catacloud.example",
            "bank": "Förde Bank",
            "iban": "DE89370400440532013000",
            "bic": "COBADEFFXXX",
            "is_default": True,
        },
    )
    seller.vat_rates.get_or_create(country="DE", percent=Decimal(19), defaults={"starts_on": since})


def _join(first: date, plans: dict[str, PlanVersion], now: datetime) -> None:
    """Let all come in now and bring their history with them, so that none of it is late."""
    create_missing((customer.name for customer in CUSTOMERS), now=now)
    for customer in CUSTOMERS:
        joined_on = first + timedelta(days=customer.joins)
        subscribe(
            organisation=Organisation.objects.get(name=customer.name),
            plan_version=plans[customer.plan],
            starts_on=joined_on,
            now=start_of(joined_on),
        )


def _let_people_in(now: datetime, passwords: tuple[str, str]) -> Logins:
    operator, customer = Login(OPERATOR, passwords[0]), Login(CUSTOMER, passwords[1])
    User.objects.create_superuser(operator.email, operator.password)
    person = User.objects.create_user(customer.email, customer.password, first_name="Mara")
    Membership.objects.create(
        user=person,
        organisation=Organisation.objects.get(name=CUSTOMERS_ORGANISATION),
        role=Membership.Role.OWNER,
    )
    BillingDetails.objects.create(
        organisation=Organisation.objects.get(name=CUSTOMERS_ORGANISATION),
        legal_name="Nordlicht Media GmbH",
        street="Speicherstadt 12",
        postcode="20457",
        city="Hamburg",
        country="DE",
        vat_id="DE129273398",
        email="buchhaltung@nordlicht-media.example",
        language=BillingDetails.Language.GERMAN,
    )
    key = create_api_key(organisation=None, name="Demo traffic", now=now)
    return Logins(operator, customer, key)


def _send(day: date, *, first: date, until: datetime, key: ApiKey | None) -> None:
    """Send a day's usage of everybody as one batch, as its services would have."""
    usage = (usage_of(customer, first=first, day=day, until=until) for customer in CUSTOMERS)
    events = [{**event, "subject": slugify(event["subject"])} for event in chain(*usage)]
    if events and key:
        batch = ingestion.parse(msgspec.json.encode(events))
        ingestion.accept(batch, key=key, now=until)


def _upload_files(organisation: Organisation, days: Days) -> None:
    """Upload real files on days that have passed, and delete the last of them again."""
    dice = random.Random(f"{SEED}/{organisation.slug}")  # noqa: S311
    for name in FILES:
        at = days.starts_at + timedelta(days=dice.randrange(DAYS // 2, DAYS - 2), hours=11)
        content = dice.randbytes(dice.randrange(40_000, 120_000))
        file_id = files.add(
            organisation=organisation,
            name=name,
            content=io.BytesIO(content),
            size=len(content),
            now=at,
        )
    ending.delete(organisation=organisation, upload_id=file_id, now=at + ONE_DAY)


def _set_budget(now: datetime) -> None:
    """Let an organisation mean to spend about what a month of it comes to."""
    budget = Budget(
        organisation=Organisation.objects.get(name="Tern & Co"),
        amount=Decimal(2800),
        currency="EUR",
        thresholds=[one.value for one in Threshold],
    )
    set_budget(budget, by=User.objects.get(email=OPERATOR), now=now)


def _close_months(first: date, now: datetime, track: Track) -> None:
    month, months = month_before(month_of(now.date())), []
    while month.end > first:
        months.append(month)
        month = month_before(month)
    due = [
        (organisation, month)
        for month in reversed(months)  # the oldest first, so that numbers rise with time
        for organisation in organisations_to_close(days=month, now=now)
    ]
    for organisation, month in track(due, "Closing months"):
        close_period(organisation=organisation, days=month, now=month.ends_at + timedelta(hours=6))


def _pay(now: datetime) -> None:
    """Let what was due be paid on its day, but for one who is late."""
    due = Invoice.objects.filter(due_on__lte=now.date()).exclude(organisation__name=LATE)
    for invoice in due:
        record_payment(
            invoice,
            amount=invoice.gross,
            received_on=invoice.due_on,
            reference=f"Transfer for {invoice.number}",
            now=now,
        )
