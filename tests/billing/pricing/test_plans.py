from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from threading import Thread

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from billing.pricing.models import Charge, PlanVersion, Tier
from billing.pricing.plans import (
    CannotPublish,
    InvalidCharge,
    NotADraft,
    NothingToCharge,
    new_draft,
    publish,
)
from tests.factories import make_draft, make_plan, make_service, make_subscription
from tests.races import run_at_once

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
GRADUATED = [("100", "0.10"), (None, "0.05")]


@pytest.mark.django_db
class TestPublish:
    def test_makes_a_draft_available_and_dates_it(self) -> None:
        version = make_draft(prices={make_service(): GRADUATED})

        publish(version=version, now=NOW)

        assert (version.status, version.published_at) == ("published", NOW)

    def test_happens_once(self) -> None:
        version = make_plan(prices={make_service(): GRADUATED})
        with pytest.raises(NotADraft):
            publish(version=version, now=NOW)

    def test_refuses_a_version_without_a_charge(self) -> None:
        with pytest.raises(NothingToCharge):
            publish(version=make_draft(prices={}), now=NOW)

    @pytest.mark.parametrize("tiers", [[], [("100", "0.10")]])
    def test_refuses_tiers_that_end_and_leaves_a_draft(self, tiers: list[tuple[str, str]]) -> None:
        service = make_service(slug="storage-2")
        version = make_draft(prices={service: tiers})

        with pytest.raises(InvalidCharge, match="storage-2: The last tier must be without end"):
            publish(version=version, now=NOW)

        version.refresh_from_db()
        assert (version.status, version.published_at) == ("draft", None)

    def test_refuses_steps_in_a_charge_per_unit(self) -> None:
        version = make_draft(prices={make_service(): GRADUATED})
        version.charges.update(model=Charge.Model.PER_UNIT)
        with pytest.raises(InvalidCharge, match="A single price has one tier"):
            publish(version=version, now=NOW)


@pytest.mark.django_db
class TestNewDraft:
    def test_copies_charges_and_tiers_under_the_next_number(self) -> None:
        original = make_plan(prices={make_service(): GRADUATED, make_service(): [(None, "3")]})

        draft = new_draft(version=original)

        assert (draft.plan, draft.number, draft.status) == (original.plan, 2, "draft")
        assert prices_of(draft) == prices_of(original)
        assert len(prices_of(draft)) == 3

    def test_leaves_subscribers_where_they_are(self) -> None:
        subscription = make_subscription(plan_version=make_plan(prices={make_service(): GRADUATED}))
        old = subscription.plan_version_id
        publish(version=new_draft(version=subscription.plan_version), now=NOW)
        subscription.refresh_from_db()
        assert subscription.plan_version_id == old


@pytest.fixture
def published(db: None) -> PlanVersion:
    return make_plan(prices={make_service(): GRADUATED})


class TestTheDatabase:
    """Whoever asks, and by whatever way."""

    @pytest.fixture
    def draft(self, db: None) -> PlanVersion:
        return make_draft(prices={make_service(): [(None, "1")]})

    def test_refuses_another_currency(self, published: PlanVersion) -> None:
        refuses(lambda: PlanVersion.objects.filter(pk=published.pk).update(currency="USD"))

    @pytest.mark.parametrize("status", ["draft", "published"])
    def test_refuses_to_take_back(self, published: PlanVersion, status: str) -> None:
        PlanVersion.objects.filter(pk=published.pk).update(status="retired")
        refuses(lambda: PlanVersion.objects.filter(pk=published.pk).update(status=status))

    def test_lets_a_version_retire_but_not_change_on_the_way(self, published: PlanVersion) -> None:
        versions = PlanVersion.objects.filter(pk=published.pk)
        refuses(lambda: versions.update(status="retired", currency="USD"))
        assert versions.update(status="retired") == 1

    @pytest.mark.parametrize("model", [PlanVersion, Charge, Tier])
    def test_refuses_deletion(self, published: PlanVersion, model: type[Model]) -> None:
        refuses(lambda: model._default_manager.all().delete())

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE billing_tier SET unit_price = unit_price / 2",
            "UPDATE billing_charge SET model = 'per_unit'",
            "UPDATE billing_planversion SET number = 7",
            "DELETE FROM billing_tier",
            "DELETE FROM billing_charge",
            "DELETE FROM billing_planversion",
        ],
    )
    def test_refuses_sql(self, published: PlanVersion, sql: str) -> None:
        def execute() -> None:
            with connection.cursor() as cursor:
                cursor.execute(sql)

        refuses(execute)

    def test_refuses_more_charges_and_tiers(self, published: PlanVersion) -> None:
        charge = published.charges.get()
        refuses(lambda: Tier.objects.create(charge=charge, up_to=5, unit_price=1))
        refuses(
            lambda: Charge.objects.bulk_create([Charge(version=published, service=charge.service)])
        )

    def test_refuses_what_is_moved_in_or_out(
        self, published: PlanVersion, draft: PlanVersion
    ) -> None:
        refuses(lambda: draft.charges.update(version=published))
        refuses(lambda: published.charges.update(version=draft))
        tiers = Tier.objects.filter(charge__version=draft)
        refuses(lambda: tiers.update(charge=published.charges.get()))
        tiers = Tier.objects.filter(charge__version=published, up_to__isnull=False)
        refuses(lambda: tiers.update(charge=draft.charges.get()))

    def test_lets_a_draft_change_and_go(self, draft: PlanVersion) -> None:
        Tier.objects.update(unit_price=Decimal(2))
        draft.delete()
        assert not PlanVersion.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_of_two_who_publish_one_does(self) -> None:
        version = make_draft(prices={make_service(): GRADUATED})

        raised = run_at_once(
            *[lambda: publish(version=version, now=NOW)] * 4, expected=CannotPublish
        )

        assert [type(error) for error in raised] == [NotADraft] * 3

    def test_a_tier_that_comes_during_publication_is_checked_or_refused(self) -> None:
        """Ten times, as either may be first: no published version has a tier that was not seen."""
        for _ in range(10):
            version = make_draft(prices={make_service(): [(None, "1")]})
            charge = version.charges.get()

            def add_tier(charge: Charge = charge) -> None:
                Tier.objects.create(charge=charge, up_to=5, unit_price=1)

            def publish_it(version: PlanVersion = version) -> None:
                publish(version=version, now=NOW)

            raised = run_at_once(add_tier, publish_it, expected=(IntegrityError, CannotPublish))

            version.refresh_from_db()
            # A charge per unit with two tiers is invalid, so exactly one of the two succeeds.
            assert len(raised) == 1
            assert (version.status == "published") == (charge.tiers.count() == 1)

    def test_a_tier_waits_for_a_publication_under_way(self) -> None:
        version = make_draft(prices={make_service(): [(None, "1")]})
        charge = version.charges.get()
        raised: list[Exception] = []

        def add_tier() -> None:
            raised.extend(
                run_at_once(
                    lambda: charge.tiers.create(up_to=5, unit_price=1), expected=IntegrityError
                )
            )

        with transaction.atomic():
            publish(version=version, now=NOW)
            thread = Thread(target=add_tier)
            thread.start()
            thread.join(timeout=0.3)
            assert thread.is_alive()
        thread.join()
        assert len(raised) == 1


def refuses(change: Callable[[], object]) -> None:
    with pytest.raises(IntegrityError, match="never changes") as caught, transaction.atomic():
        change()
    diagnosis = getattr(caught.value.__cause__, "diag", None)
    assert getattr(diagnosis, "constraint_name", None) == "published_plan_is_frozen"


def prices_of(version: PlanVersion) -> list[tuple[object, ...]]:
    tiers = Tier.objects.filter(charge__version=version).order_by("charge__service", "up_to")
    return list(tiers.values_list("charge__service", "charge__model", "up_to", "unit_price"))
