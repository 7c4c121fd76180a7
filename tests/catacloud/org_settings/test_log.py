"""The log says who did what, from the events."""

import io

import pytest
from django.db import connection
from django.utils import timezone

from billing.invoicing.charging.subscriptions import subscribe
from catacloud.accounts.models import Role
from catacloud.org_settings import keys, log, members
from catacloud.org_settings.events import KeyMade, record
from eventstore import shredding
from tests.factories import make_plan, make_service
from uploads import ending, files

pytestmark = pytest.mark.django_db

PAGE = "/organisations/acme/settings/log/"


def lines(organisation):
    return [(one.who, one.what) for one in log.read(organisation)[0]]


class TestTheLog:
    def test_tells_of_members_and_keys(self, acme, owner, stranger):
        now = timezone.now()
        key = keys.make(organisation=acme, name="Farm", by=owner, now=now)
        members.add(organisation=acme, user=stranger, role=Role.BILLING, by=owner, now=now)
        assert lines(acme) == [
            (owner.email, "Added stranger@example.org as billing"),
            (owner.email, f"Made the API key Farm (cck_{key[4:12]}…)"),
        ]

    def test_tells_of_price_plans_and_files(self, acme, owner):
        now = timezone.now()
        version = make_plan(prices={make_service(): [(None, "1")]})
        subscribe(organisation=acme, plan_version=version, starts_on=now.date(), now=now)
        file_id = files.add(
            organisation=acme, name="a.txt", content=io.BytesIO(b"a"), size=1, now=now
        )
        ending.delete(organisation=acme, upload_id=file_id, now=now, actor=f"user:{owner.pk}")
        today = f"{now.day} {now:%b %Y}"  # as pages write it
        assert lines(acme) == [
            (owner.email, "Deleted a.txt"),
            ("Catacloud", "Uploaded a.txt"),
            ("Catacloud", f"Price plan {version.plan.name}, version 1 from {today} on"),
            ("Catacloud", f"Customer from {today} on"),
        ]

    def test_keeps_what_happened_when_addresses_are_erased(self, acme, operator, stranger):
        now = timezone.now()
        members.add(organisation=acme, user=stranger, role=Role.MEMBER, by=operator, now=now)
        shredding.shred(tenant_id=acme.pk, by="tests", reason="asked for")
        operator.delete()
        assert lines(acme) == [
            ("Somebody who is gone", "Added an address that was erased as member")
        ]

    def test_is_paged_and_holds_nothing_of_others(self, as_user, acme, owner, stranger):
        now = timezone.now()
        theirs = stranger.organisations.get()
        record(theirs, KeyMade(prefix="x", name="theirs"), by=stranger, now=now)
        for number in range(3):
            record(acme, KeyMade(prefix="12ab", name=f"<b>{number}</b>"), by=owner, now=now)
        newest, older = log.read(acme, limit=2)
        rest, oldest = log.read(acme, before=older, limit=2)
        assert [one.what for one in (*newest, *rest)] == [
            f"Made the API key <b>{number}</b> (cck_12ab…)" for number in (2, 1, 0)
        ]
        assert oldest is None
        page = as_user(owner).get(PAGE, {"before": older})
        assert b"&lt;b&gt;0&lt;/b&gt;" in page.content
        assert page.content.count(b"<time") == 1

    @pytest.mark.parametrize("before", ["x", "-1", "0", "9" * 19, "9" * 30, "²"])
    def test_takes_any_address(self, as_user, owner, before):
        assert as_user(owner).get(PAGE, {"before": before}).status_code == 200

    def test_is_found_by_its_index_among_usage(self, acme):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
            values = {"tenant": acme.pk, "before": log.LAST, "limit": 51}
            cursor.execute(f"EXPLAIN {log.PAGE}", values)
            plan = " ".join(row[0] for row in cursor.fetchall())
        assert "tenant_id" in plan
        assert "Sort" not in plan
