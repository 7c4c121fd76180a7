"""A migration: who is named, what it would change, how it runs, and what of it can be undone."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError

from billing.accounts import commands
from billing.accounts.models import PriceOverride
from billing.invoicing.charging.subscriptions import change_plan, subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.models import Invoice, Subscription
from billing.invoicing.settling.crediting import void
from billing.migrating import moving, naming, simulating, tasks
from billing.migrating.models import Move, PlanMigration
from billing.periods import month_of
from tests.billing.accounts.agreeing import PER_UNIT, agreed
from tests.factories import LONG_AGO, make_organisation, make_plan, make_service, make_usage_row
from tests.races import run_at_once

pytestmark = pytest.mark.django_db

OCTOBER, NOVEMBER, DECEMBER = (month_of(date(2026, month, 1)) for month in (10, 11, 12))
NOW = datetime(2026, 11, 15, tzinfo=UTC)
LATER = datetime(2027, 1, 2, tzinfo=UTC)


@pytest.fixture
def hours():
    return make_service(slug="hours")


@pytest.fixture
def old(hours):
    return make_plan(prices={hours: [("100", "0.10"), (None, "0.05")]})


@pytest.fixture
def new(hours):
    return make_plan(prices={hours: [(None, "0.08")]})


def customer(version, hours, used=0, name=None):
    one = make_organisation(name)
    subscribe(organisation=one, plan_version=version, starts_on=OCTOBER.first, now=LONG_AGO)
    if used:
        day = date(2026, 10, 9)
        make_usage_row(organisation=one, service=hours, day=day, quantity=used * 3600)
    return one


def named(new, **which):
    return naming.name(PlanMigration(to_version=new, reason="new prices", **which), now=NOW)


def confirmed(migration, now=NOW):
    simulating.simulate(migration, now=now)
    moving.confirm(migration, by=None, now=now)
    moving.run(migration, now=now)
    migration.refresh_from_db()
    return migration


def on(organisation, day):
    found = Subscription.objects.filter(organisation=organisation, starts_on__lte=day)
    return found.latest("starts_on").plan_version


class TestWho:
    def test_is_all_of_a_version_a_filter_or_a_list(self, old, new, hours):
        acme, bolt = customer(old, hours, name="Acme Film"), customer(old, hours, name="Bolt")
        customer(new, hours, name="There already")
        dollars = make_plan(prices={hours: [(None, "1")]}, currency="USD")
        customer(dollars, hours, name="In another currency")

        def who(**which):
            return {move.organisation for move in named(new, **which).moves.all()}

        assert who(from_version=old) == who() == {acme, bolt}
        assert who(name_contains="film") == who(slugs="acme-film") == {acme}

    def test_is_somebody_and_known(self, old, new, hours):
        customer(old, hours)
        with pytest.raises(naming.CannotName, match="Nobody"):
            named(new, name_contains="nobody")
        with pytest.raises(naming.CannotName, match="no organisation ghost"):
            named(new, slugs="ghost")


class TestTheSimulation:
    def test_compares_what_was_invoiced_with_what_would_have_been(self, old, new, hours):
        wins, loses = customer(old, hours, 50), customer(old, hours, 300)
        for one in (wins, loses):
            close_period(organisation=one, days=OCTOBER, now=NOW)
        migration = named(new)
        simulating.simulate(migration, now=NOW)
        found = {move.organisation: move for move in migration.moves.all()}
        # 50 × 0.10 then and × 0.08 new; 100 × 0.10 + 200 × 0.05 then, 300 × 0.08 new
        assert (found[wins].then, found[wins].new) == (5, 4)
        assert (found[loses].then, found[loses].new, found[loses].periods) == (20, 24, 1)
        assert on(wins, date(2027, 1, 1)) == old  # nothing has changed

    def test_keeps_or_drops_prices_of_ones_own(self, old, new, hours):
        one = customer(old, hours, 10)
        commands.override_price(
            agreed(one, now=LONG_AGO), service=hours, terms=PER_UNIT, starts_on=OCTOBER.first
        )
        close_period(organisation=one, days=OCTOBER, now=NOW)
        for keeps, costs in [(True, "5.00"), (False, "0.80")]:
            migration = named(new, keeps_own_prices=keeps)
            simulating.simulate(migration, now=NOW)
            assert migration.moves.get().new == Decimal(costs)

    def test_takes_no_more_queries_for_more_customers(
        self, old, new, hours, django_assert_num_queries
    ):
        for _ in range(6):
            close_period(organisation=customer(old, hours, 9), days=OCTOBER, now=NOW)
        with django_assert_num_queries(25):
            migration = named(new)
            simulating.simulate(migration, now=NOW)
        assert migration.moves.filter(periods=1).count() == 6

    def test_goes_on_where_a_worker_died_and_is_not_done_before_all_are(
        self, old, new, hours, monkeypatch
    ):
        for used in (10, 20, 30):
            close_period(organisation=customer(old, hours, used), days=OCTOBER, now=NOW)
        migration = named(new)
        monkeypatch.setattr(simulating, "TOGETHER", 2)
        simulating.begin(migration, now=NOW)
        with monkeypatch.context() as died:
            died.setattr(simulating, "_write", lambda *_: sys.exit())
            with pytest.raises(SystemExit):
                simulating.simulate_part(migration, now=NOW)
        assert simulating.parts_left(migration) == 2
        assert simulating.simulate_part(migration, now=NOW) == 2
        with pytest.raises(moving.CannotConfirm):
            moving.confirm(migration, by=None, now=NOW)
        monkeypatch.setattr(tasks.simulate_part, "delay", tasks.simulate_part)
        tasks.resume_migrations()
        migration.refresh_from_db()
        assert migration.simulated_at is not None
        assert {move.new for move in migration.moves.all()} == {
            Decimal(one) for one in ("0.80", "1.60", "2.40")
        }
        moving.confirm(migration, by=None, now=NOW)
        assert simulating.simulate_part(migration, now=NOW) == 0

    def test_comes_before_the_confirmation(self, old, new, hours):
        customer(old, hours)
        migration = named(new)
        with pytest.raises(moving.CannotConfirm, match="not been simulated"):
            moving.confirm(migration, by=None, now=NOW)
        with pytest.raises(IntegrityError, match="simulated_before_it_runs"):
            PlanMigration.objects.update(status="running", confirmed_at=NOW)


class TestARun:
    def test_moves_with_the_next_billing_period(self, old, new, hours):
        one = customer(old, hours)
        migration = confirmed(named(new))
        assert migration.status == "done"
        assert on(one, NOVEMBER.last) == old
        assert on(one, DECEMBER.first) == new
        moving.run(migration, now=NOW)
        assert Subscription.objects.filter(organisation=one).count() == 2

    def test_leaves_who_is_grandfathered_until_then(self, old, new, hours):
        one = customer(old, hours)
        confirmed(named(new, keep_until=date(2027, 2, 10)))
        assert on(one, date(2027, 2, 28)) == old
        assert on(one, date(2027, 3, 1)) == new

    def test_ends_own_prices_unless_they_are_kept(self, old, new, hours):
        one = customer(old, hours)
        price = commands.override_price(
            agreed(one), service=hours, terms=PER_UNIT, starts_on=NOVEMBER.first
        )
        migration = confirmed(named(new, keeps_own_prices=False))
        price.refresh_from_db()
        assert price.ends_on == DECEMBER.first
        assert moving.undo(migration, now=NOW) == 1
        assert PriceOverride.objects.get(starts_on=DECEMBER.first).terms == PER_UNIT

    def test_says_who_could_not_move_and_why(self, old, new, hours):
        one = customer(old, hours)
        migration = named(new, starts_on=date(2026, 10, 20))
        close_period(organisation=one, days=OCTOBER, now=NOW)
        confirmed(migration)
        move = migration.moves.get()
        assert (move.status, on(one, DECEMBER.first)) == ("refused", old)
        assert "invoiced already" in move.why

    def test_leaves_who_has_changed_to_another_currency_meanwhile(self, old, new, hours):
        one = customer(old, hours)
        migration = named(new)
        dollars = make_plan(prices={hours: [(None, "1")]}, currency="USD")
        change_plan(agreed(one), plan_version=dollars, starts_on=DECEMBER.first, is_prorated=False)
        confirmed(migration)
        move = migration.moves.get()
        assert (move.status, on(one, DECEMBER.first)) == ("refused", dollars)
        assert "billed in USD by then" in move.why

    def test_goes_on_where_it_broke_off(self, old, new, hours, monkeypatch):
        for _ in range(3):
            customer(old, hours)
        migration = named(new)
        simulating.simulate(migration, now=NOW)
        moving.confirm(migration, by=None, now=NOW)
        first = migration.moves.first()
        moving.move_one(first.pk, now=NOW)
        migration.refresh_from_db()
        assert migration.status == "running"
        moving.run(migration, now=NOW)
        assert migration.moves.filter(status="moved").count() == 3
        assert Subscription.objects.filter(plan_version=new).count() == 3


class TestUndo:
    def test_puts_back_who_was_not_invoiced_since(self, old, new, hours):
        one, other = customer(old, hours), customer(old, hours)
        migration = confirmed(named(new))
        invoice = close_period(organisation=other, days=DECEMBER, now=LATER)
        assert moving.undo(migration, now=LATER) == 1
        assert (on(one, DECEMBER.first), on(other, DECEMBER.first)) == (old, new)
        assert moving.undo(migration, now=LATER) == 0
        void(invoice, reason="wrong plan", now=LATER)
        assert moving.undo(migration, now=LATER) == 1
        assert on(other, DECEMBER.first) == old


@pytest.mark.django_db(transaction=True)
def test_a_migration_during_a_close_is_before_it_or_after_it():
    hours = make_service()
    old, new = (make_plan(prices={hours: [(None, price)]}) for price in ("1", "2"))
    many = [customer(old, hours, 10) for _ in range(6)]
    migration = named(new, starts_on=date(2026, 10, 2))
    simulating.simulate(migration, now=NOW)
    moving.confirm(migration, by=None, now=NOW)

    def closer(one):
        return lambda: close_period(organisation=one, days=OCTOBER, now=NOW)

    run_at_once(*map(closer, many), lambda: moving.run(migration, now=NOW), expected=())

    for move in Move.objects.all():
        invoice = Invoice.objects.get(organisation=move.organisation)
        moved = move.status == "moved"
        assert invoice.plan_version == (new if moved else old)
        assert invoice.total == (20 if moved else 10)


@pytest.mark.django_db(transaction=True)
def test_workers_share_a_simulation_and_find_what_one_finds(monkeypatch):
    hours = make_service()
    old, new = (make_plan(prices={hours: [(None, price)]}) for price in ("1", "2"))
    for used in range(1, 8):
        close_period(organisation=customer(old, hours, used), days=OCTOBER, now=NOW)
    monkeypatch.setattr(simulating, "TOGETHER", 2)
    migration = named(new)

    def figures():
        return set(migration.moves.values_list("organisation", "periods", "then", "new"))

    simulating.simulate(migration, now=NOW)
    alone = figures()
    simulating.begin(migration, now=NOW)
    done = []

    def worker():
        while some := simulating.simulate_part(migration, now=NOW):
            done.append(some)

    run_at_once(worker, worker, expected=())
    migration.refresh_from_db()
    assert (figures(), sum(done)) == (alone, 7)
    assert migration.simulated_at is not None
