"""The event store's pages in the admin by keyboard: test_admin.py looks at all of them."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from eventstore import shredding

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_table_that_scrolls_in_its_box_is_reached_and_seen_by_keyboard(page, sign_in, operator):
    reason = f"Asked for in https://example.org/{'long' * 30}"
    shredding.shred(tenant_id=uuid4(), by=operator.email, reason=reason)
    sign_in(operator)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/admin/eventstore/checkpoint/shreddings/")
    page.get_by_role("link", name="Shreddings").focus()
    page.keyboard.press("Tab")
    box = page.get_by_role("region", name="Tenants whose personal values were erased")
    expect(box).to_be_focused()
    expect(box).to_have_css("outline-style", "solid")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.scrollLeft > 0")
