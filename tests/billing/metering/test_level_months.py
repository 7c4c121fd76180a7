"""Where a level stood before a day, by the months before: whatever becomes of the days."""

from collections import Counter
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.metering.level_months import LevelMonth
from billing.metering.models import Service
from billing.metering.querying.usage import levels_before
from billing.metering.usage_tables import DailyUsage
from tests.factories import make_organisation

FIRST = date(2026, 8, 20)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "change", "delete"]),
        st.integers(0, 80),
        st.sampled_from(["storage", "execution-time"]),
        st.integers(-9, 9),
    ),
    max_size=30,
)


class TestLevelMonths(TestCase):
    @settings(max_examples=15, deadline=None)
    @given(changes=CHANGES, earlier=st.integers(0, 90), later=st.integers(0, 30))
    def test_add_up_to_the_days_before(self, changes, earlier, later):
        owner = make_organisation("Acme")
        services = {one.slug: one for one in Service.objects.all()}
        kept: dict[tuple[str, date], int] = {}
        for what, number, slug, quantity in changes:
            day = FIRST + timedelta(days=number)
            own = {"organisation": owner, "service": services[slug], "day": day}
            if what == "add" and (slug, day) not in kept:
                DailyUsage.objects.create(**own, quantity=quantity, area=0, event_count=1)
            elif what == "change" and (slug, day) in kept:
                DailyUsage.objects.filter(**own).update(quantity=quantity)
            elif what == "delete":
                DailyUsage.objects.filter(**own).delete()
                kept.pop((slug, day), None)
                continue
            else:
                continue
            kept[slug, day] = quantity
        days = [FIRST + timedelta(days=earlier + n) for n in (0, later)]
        storage = {day: quantity for (slug, day), quantity in kept.items() if slug == "storage"}
        stood = [sum(q for day, q in storage.items() if day < until) for until in days]
        found = levels_before(earlier=days[0], later=days[1], organisations=[owner.pk])
        assert [each.get((owner.pk, services["storage"].pk), 0) for each in found] == stood
        months = Counter[date]()
        for day, quantity in storage.items():
            months[day.replace(day=1)] += quantity
        rows = dict(LevelMonth.objects.exclude(quantity=0).values_list("month", "quantity"))
        assert rows == {month: quantity for month, quantity in months.items() if quantity}
