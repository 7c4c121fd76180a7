"""Every address is walked by everybody: strangers find nothing, and each role what is its own."""

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from billing.invoicing.models import Invoice
from billing.invoicing.settling.after import CreditNote, IssuedFile
from billing.invoicing.settling.crediting import credit
from billing.lago.wire import SOURCE
from billing.metering.ingesting import ingestion
from billing.metering.models import Service
from billing.periods import month_before, month_of
from billing.pricing.models import Plan
from billing.pricing.plans import retire
from catacloud.accounts.api_keys import create_api_key
from catacloud.accounts.models import ApiKey, Membership, Organisation, Role, User
from catacloud.org_settings import invitations
from tests.catacloud.tenancy import (
    BILLING,
    KEY,
    MEMBER,
    OTHER,
    OTHER_KEY,
    OWNER,
    PERSONAS,
    STAFF,
    TABLE,
    VISITOR,
    Row,
)
from tests.factories import (
    make_invoice,
    make_organisation,
    make_plan,
    make_services,
    make_subscription,
    make_user,
)
from uploads import files

SECRET = "Quokka"  # is in names of all that the organisation has, and in no address


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        route = f"{before}{one.pattern}"
        if isinstance(one, URLResolver):
            yield from routes(one, route)
        else:
            yield route


def of_admin(route: str) -> bool:
    return route.startswith("admin/")


def test_every_address_has_a_row():
    known = {row.route for row in TABLE}
    found = {route for route in routes(get_resolver()) if not of_admin(route)}
    assert found - known == set(), "Add rows to TABLE in tests/catacloud/tenancy.py."
    assert known - found == set(), "TABLE has rows of addresses that are gone."


@dataclass(frozen=True)
class World:
    clients: Mapping[str, Client]
    headers: Mapping[str, Mapping[str, str]]  # of programs
    arguments: Mapping[str, str]


@pytest.fixture
def world(db: None) -> World:
    """An organisation that has one of everything, and somebody of every kind."""
    make_services()
    acme, elsewhere = make_organisation("Acme"), make_organisation("Elsewhere")
    Organisation.objects.filter(pk=acme.pk).update(name=f"{SECRET} Ltd")
    acme.refresh_from_db()
    make_user("second@example.org", organisation=acme, role=Role.OWNER)
    people = {
        OTHER: make_user("other@example.org", organisation=elsewhere, role=Role.OWNER),
        MEMBER: make_user("member@example.org", organisation=acme),
        BILLING: make_user("billing@example.org", organisation=acme, role=Role.BILLING),
        OWNER: make_user("owner@example.org", organisation=acme, role=Role.OWNER),
        STAFF: make_user("staff@example.org", is_staff=True, is_superuser=True),
    }
    keys = {KEY: key_of(acme), OTHER_KEY: key_of(elsewhere)}
    return World(
        clients={VISITOR: Client(), **{name: signed_in(user) for name, user in people.items()}},
        headers={name: {"Authorization": f"Bearer {key}"} for name, key in keys.items()},
        arguments=things_of(acme, by=people[OWNER]),
    )


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def key_of(organisation: Organisation) -> str:
    return create_api_key(organisation=organisation, name=SECRET, now=timezone.now())


def things_of(acme: Organisation, *, by: User) -> dict[str, str]:
    """Make them, and return how addresses name them."""
    now = timezone.now()
    invoice = make_invoice(acme, month_before(month_of(now.date())), number="2026-0007")
    note = credit(invoice, None, reason=SECRET, now=now)
    keep_file(invoice=invoice)
    keep_file(credit_note=note)
    version = make_plan(prices={Service.objects.get(slug="execution-time"): [(None, "1")]})
    Plan.objects.filter(pk=version.plan_id).update(name=SECRET)
    make_subscription(organisation=acme, plan_version=version)
    retire(version=version)  # so that nobody else may see it
    event = {
        "specversion": "1.0",
        "id": "secret-event",
        "source": SOURCE,
        "type": "catacloud.execution.finished",
        "data": {"seconds": 1, "customer": SECRET},
    }
    key = ApiKey.objects.get(organisation=acme)
    ingestion.accept(ingestion.parse(msgspec.json.encode(event)), key=key, now=now)
    content = io.BytesIO(SECRET.encode())
    file = files.add(organisation=acme, name=SECRET, content=content, size=len(SECRET), now=now)
    token = invitations.invite(
        organisation=acme, email="invited@example.org", role=Role.MEMBER, by=by, now=now
    )
    return {
        "slug": acme.slug,
        "number": "2026-0007",
        "position": "1",
        "credit_note": note.number,
        "file_id": str(file),
        "upload_id": str(file),
        "member_id": str(Membership.objects.get(organisation=acme, role=Role.BILLING).pk),
        "invitation_id": str(acme.invitations.get().pk),
        "prefix": key.prefix,
        "token": token,
        "plan": version.plan.slug,
        "version": "1",
        "meter": "execution-time",
        "name": "region",
        "day": f"{now:%Y-%m-%d}",
        "transaction_id": "secret-event",
        "external_customer_id": acme.slug,
    }


def keep_file(**document: Invoice | CreditNote) -> None:
    """Keep a file as that of an issued document: to set a real one takes long."""
    content = SECRET.encode()
    name = storages["documents"].save("walk.pdf", ContentFile(content))
    digest = hashlib.sha256(content).hexdigest()
    IssuedFile.objects.create(
        **document, name=name, sha256=digest, size=len(content), made_at=timezone.now()
    )


def address(row: Row, arguments: Mapping[str, str]) -> str:
    if row.at is not None:
        return f"/{row.at}"
    given = {**arguments, **{name: arguments[thing] for name, thing in row.named.items()}}
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: given[found[1]], row.route)
    return f"/{path}?{row.query}"


def ask(row: Row, persona: str, world: World) -> HttpResponseBase:
    """Send the request, and take back whatever it changed."""
    place, headers = address(row, world.arguments), world.headers.get(persona, {})
    client = Client()
    if persona in world.clients:  # anew, for what signs out must not do so for the next
        client.cookies.update(world.clients[persona].cookies)
    with transaction.atomic():
        try:
            if row.body is not None:
                return client.post(place, row.body, content_type=row.content_type, headers=headers)
            if row.post is not None:
                return client.post(place, row.post, headers=headers)
            upload = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "X-CSRFToken": "x"}
            return client.generic(row.method, place, headers={**upload, **headers})
        finally:
            transaction.set_rollback(True)


def body(answer: HttpResponseBase) -> bytes:
    if answer.streaming:
        return b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    return answer.content  # type: ignore[attr-defined, no-any-return]


def got(answer: HttpResponseBase, expected: int | str) -> int | str:
    place = answer.headers.get("Location")
    if answer.status_code == 302 and isinstance(expected, str) and place:
        return expected if place.startswith(expected) else place
    return answer.status_code


def test_everybody_gets_what_the_table_says(world):
    wrong = []
    for row in TABLE:
        for persona, expected in row.gets.items():
            answer = ask(row, persona, world)
            told = got(answer, expected)
            if told != expected:
                wrong.append(f"{row.route} {row.post}: {persona} gets {told}, not {expected}")
            is_stranger = persona in (VISITOR, OTHER, OTHER_KEY)
            if SECRET.encode() in body(answer) and is_stranger and not row.shows:
                wrong.append(f"{row.route}: {persona} reads of another organisation")
    assert not wrong, "\n".join(wrong)


def test_the_admin_opens_to_operators_alone(world):
    for route in filter(of_admin, routes(get_resolver())):
        place = "/" + re.sub(r"<(?:\w+:)?\w+>|\(\?P<\w+>[^)]*\)\$?|[\^$]", "1", route)
        if place not in ("/admin/login/", "/admin/logout/"):
            answer = world.clients[OWNER].get(place)
            assert answer.status_code == 302, place
            assert answer.headers["Location"].startswith("/admin/login/"), place
    assert world.clients[VISITOR].get("/admin/").status_code == 302
    assert world.clients[STAFF].get("/admin/").status_code == 200


@pytest.mark.parametrize("persona", PERSONAS)
def test_every_row_says_what_each_gets(persona):
    assert [row.route for row in TABLE if persona not in row.gets] == []
