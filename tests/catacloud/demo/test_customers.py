"""The demo's made-up usage."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from catacloud.demo.customers import CUSTOMERS, GB, stored_at_start_of, usage_of

FIRST = date(2026, 8, 26)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def usage(customer, day, until=LATER):
    return list(usage_of(customer, first=FIRST, day=FIRST + timedelta(days=day), until=until))


def changes(events):
    return [int(event["data"]["bytes"]) for event in events if "bytes" in event["data"]]


@pytest.mark.parametrize("customer", CUSTOMERS, ids=lambda customer: customer.name)
def test_what_is_stored_is_never_negative_and_ends_where_it_is_said_to(customer):
    days = 90 if customer.leaves is None else customer.joins + customer.leaves
    level = 0
    for day in range(days):
        for change in changes(sorted(usage(customer, day), key=lambda event: event["time"])):
            level += change
            assert level >= 0
    huge = sum(change * GB for day, change in customer.huge_gb.items())
    assert level == stored_at_start_of(customer, days - customer.joins) + huge


def test_a_customer_who_leaves_leaves_nothing_behind():
    [customer] = [customer for customer in CUSTOMERS if customer.leaves is not None]
    assert sum(sum(changes(usage(customer, day))) for day in range(90)) == 0
    assert usage(customer, 89) == []


def test_a_day_is_always_the_same():
    assert usage(CUSTOMERS[0], 12) == usage(CUSTOMERS[0], 12)


def test_ids_are_unique():
    ids = [event["id"] for day in range(90) for event in usage(CUSTOMERS[2], day)]
    assert len(set(ids)) == len(ids)


def test_nothing_is_used_after_now():
    noon = datetime(2026, 9, 7, 12, tzinfo=UTC)
    events = usage(CUSTOMERS[0], 12, until=noon)
    assert events
    assert all(event["time"] <= noon for event in events)


def test_weekends_are_quieter():
    def seconds(day):
        data = [event["data"] for event in usage(CUSTOMERS[0], day)]
        return sum(Decimal(one["seconds"]) for one in data if "seconds" in one)

    days = {day: seconds(day) for day in range(14)}
    weekend = {day for day in days if (FIRST + timedelta(days=day)).weekday() >= 5}
    assert max(days[day] for day in weekend) < min(days[day] for day in days.keys() - weekend)
