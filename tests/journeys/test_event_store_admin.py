"""The event store's pages in the admin, full of what is long, in a real browser."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from eventstore import admin, shredding, store
from eventstore.events import Metadata
from eventstore.models import Checkpoint, DeadLetter
from eventstore.store import Append
from tests.eventstore.examples import NOON, counted, stream
from tests.journeys.accessibility import assert_accessible_in_both

pytestmark = pytest.mark.django_db(transaction=True)

CHECKPOINTS = "/admin/eventstore/checkpoint/"
LETTERS = "/admin/eventstore/deadletter/"
LONG = "https://example.org/" + "long" * 30
PERSON = "ada.lovelace.of.operations@example.org"


@pytest.fixture
def paths(monkeypatch):
    """A page of each kind, with more than it shows at once."""
    monkeypatch.setattr(admin, "PAGE", 2)
    key = stream()
    events = [counted(10**15) for _ in range(3)]
    store.append([Append(key=key, events=events)], metadata=Metadata(actor=LONG))
    store.append([Append(key=stream(uuid4()), events=[counted()]) for _ in range(2)])
    for _ in range(3):
        shredding.shred(tenant_id=uuid4(), by=PERSON, reason=f"Asked for in {LONG}")
    Checkpoint.objects.create(
        **{"consumer": "billing-of-execution-time", "partition": 2, "attempts": 4},
        **{"failed_position": 10**9, "failed_at": NOON, "retry_at": NOON, "error": LONG},
    )
    letter = DeadLetter.objects.create(
        **{"consumer": "billing-of-execution-time", "partition": 2, "position": 10**9},
        **{"tenant_id": key.tenant_id, "stream_id": key.stream_id, "version": 2},
        **{"error": LONG, "reason": f"As agreed in {LONG}", "skipped_by": PERSON},
    )
    return {
        "consumers": CHECKPOINTS,
        "streams": f"{CHECKPOINTS}streams/",
        "a stream": f"{CHECKPOINTS}streams/{key.tenant_id}/{key.stream_id}/",
        "shreddings": f"{CHECKPOINTS}shreddings/",
        "dead letters": LETTERS,
        "a dead letter": f"{LETTERS}{letter.pk}/change/",
    }


def test_no_page_scrolls_sideways_on_a_phone(page, sign_in, operator, paths, complaints):
    sign_in(operator)
    page.set_viewport_size({"width": 390, "height": 844})
    wide = {}
    for name, path in paths.items():
        page.goto(path)
        wide[name] = page.evaluate("document.documentElement.scrollWidth")
    assert wide == dict.fromkeys(paths, 390)
    assert complaints == []


def test_pages_are_accessible(page, sign_in, operator, paths):
    sign_in(operator)
    for path in paths.values():
        page.goto(path)
        assert_accessible_in_both(page, context="#content")  # around it is Django's


def test_a_table_that_scrolls_in_its_box_is_reached_and_seen_by_keyboard(
    page, sign_in, operator, paths
):
    sign_in(operator)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(paths["shreddings"])
    page.get_by_role("link", name="Shreddings").focus()
    page.keyboard.press("Tab")
    box = page.get_by_role("region", name="Tenants whose personal values were erased")
    expect(box).to_be_focused()
    expect(box).to_have_css("outline-style", "solid")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.scrollLeft > 0")
