"""The operator's way through a migration: name, simulate, confirm, and undo."""

import re
from datetime import date

import pytest
from django.urls import reverse

from billing.invoicing.charging.subscriptions import subscribe
from billing.migrating import admin, tasks
from billing.migrating.models import PlanMigration
from tests.factories import LONG_AGO, make_organisation, make_plan, make_service


@pytest.fixture
def versions(db):
    hours = make_service()
    return [make_plan(prices={hours: [(None, price)]}) for price in ("1", "2")]


@pytest.fixture(autouse=True)
def _tasks_run_at_once(monkeypatch):
    for task in (tasks.simulate_part, tasks.run_migration):
        monkeypatch.setattr(task, "delay", task)


def test_a_migration_is_named_simulated_confirmed_and_undone(as_user, operator, versions):
    old, new = versions
    evil = make_organisation("=1+1 <b>Evil</b>")
    subscribe(organisation=evil, plan_version=old, starts_on=date(2026, 1, 1), now=LONG_AGO)
    client = as_user(operator)

    data = {"from_version": old.pk, "to_version": new.pk, "reason": "r", "simulated_periods": 3}
    page = client.post(reverse("admin:billing_planmigration_add"), data, follow=True)
    migration = PlanMigration.objects.get()
    assert "It has not been simulated yet." in page.content.decode()

    def do(step, **data):
        address = reverse("admin:billing_planmigration_do", args=[migration.pk, step])
        return client.post(address, data, follow=True).content.decode()

    assert "&lt;b&gt;Evil" in do("simulate")
    asked = do("confirm")
    assert "Yes, confirm" in asked
    assert "1 organisation moves to" in asked
    assert "Each moves with its next billing period. Prices of their own end then." in asked
    assert "<li>=1+1 &lt;b&gt;Evil&lt;/b&gt;</li>" in asked
    assert "1 of 1" in do("confirm", confirmed="yes")
    assert "Yes, undo" in do("undo")
    assert "1 are back" in do("undo", confirmed="yes")
    page = reverse("admin:billing_planmigration_change", args=[migration.pk])
    assert client.get(page, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    PlanMigration.objects.update(status="running")
    assert 'hx-trigger="every 2s"' in client.get(page).content.decode()
    text = client.get(reverse("admin:billing_planmigration_csv", args=[migration.pk])).content
    assert b"'=1+1 <b>Evil</b>" in text


def test_those_who_move_come_in_pages(as_user, operator, versions, monkeypatch):
    monkeypatch.setattr(admin, "PER_PAGE", 2)
    old, new = versions
    for name in ("Alpha", "Beta", "Gamma"):
        one = make_organisation(name)
        subscribe(organisation=one, plan_version=old, starts_on=date(2026, 1, 1), now=LONG_AGO)
    client = as_user(operator)
    data = {"from_version": old.pk, "to_version": new.pk, "reason": "r", "simulated_periods": 3}
    client.post(reverse("admin:billing_planmigration_add"), data)
    migration = PlanMigration.objects.get()
    for step in ("simulate", "confirm"):
        address = reverse("admin:billing_planmigration_do", args=[migration.pk, step])
        client.post(address, {"confirmed": "yes"})
    address = reverse("admin:billing_planmigration_change", args=[migration.pk])

    def shown(**asked):
        page = client.get(address, asked).content.decode()
        return re.findall(r'<th scope="row">(\w+)</th>', page)

    assert shown() == ["Alpha", "Beta"] * 2
    assert shown(page="2") == ["Gamma", "Alpha", "Beta"]
    assert shown(moves="2") == ["Alpha", "Beta", "Gamma"]
    page = client.get(address).content.decode()
    assert 'href="?page=2#simulated"' in page
    assert 'href="?moves=2#moved"' in page

    assert shown(q="GAMM") == ["Gamma"] * 2  # where the first page of all has not got it
    assert shown(q="a", page="2") == ["Gamma", "Alpha", "Beta"]
    page = client.get(address, {"q": "a"}).content.decode()
    assert 'href="?q=a&amp;page=2#simulated"' in page
    assert 'href="?q=a&amp;moves=2#moved"' in page
    page = client.get(address, {"q": "<b>"}).content.decode()
    assert "of this migration has “&lt;b&gt;” in its name" in page


def test_a_step_that_there_is_not_is_not_found(as_user, operator, versions):
    old, new = versions
    data = {"from_version": old.pk, "to_version": new.pk, "reason": "r", "simulated_periods": 3}
    acme = make_organisation("Acme")
    subscribe(organisation=acme, plan_version=old, starts_on=date(2026, 1, 1), now=LONG_AGO)
    client = as_user(operator)
    client.post(reverse("admin:billing_planmigration_add"), data)
    address = reverse(
        "admin:billing_planmigration_do", args=[PlanMigration.objects.get().pk, "jump"]
    )
    for sent in ({}, {"confirmed": "yes"}):
        assert client.post(address, sent).status_code == 404


def test_who_cannot_be_named_is_a_sentence_on_the_form(as_user, operator, versions):
    data = {"to_version": versions[1].pk, "reason": "r", "simulated_periods": 3, "slugs": "ghost"}
    page = as_user(operator).post(reverse("admin:billing_planmigration_add"), data)
    assert "There is no organisation ghost." in page.content.decode()


def test_only_staff_come_in(as_user, member, versions):
    assert as_user(member).get(reverse("admin:billing_planmigration_add")).status_code == 302


def test_a_migration_is_said_in_german_too(as_user, operator, versions, acme):
    old, new = versions
    subscribe(organisation=acme, plan_version=old, starts_on=date(2026, 1, 1), now=LONG_AGO)
    client, german = as_user(operator), {"Accept-Language": "de"}
    data = {"to_version": new.pk, "reason": "r", "simulated_periods": 3}
    client.post(reverse("admin:billing_planmigration_add"), data)
    migration = PlanMigration.objects.get()
    for step, said in [("simulate", "Umstellung auf"), ("confirm", "Ja, bestätigen")]:
        address = reverse("admin:billing_planmigration_do", args=[migration.pk, step])
        page = client.post(address, headers=german, follow=True).content.decode()
        assert said in page
    assert "1 Organisation wechselt zu" in page
    page = reverse("admin:billing_planmigration_change", args=[migration.pk])
    assert "<td>gleich</td>" in client.get(page, headers=german).content.decode()
