"""Pages that say what went wrong are in the look of all others, and in their language."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.utils.translation import override
from django.views.csrf import csrf_failure
from django.views.defaults import bad_request, page_not_found, permission_denied, server_error

PAGES = {
    400: lambda request: bad_request(request, SuspiciousOperation()),
    403: lambda request: permission_denied(request, PermissionDenied()),
    404: lambda request: page_not_found(request, Http404()),
    500: server_error,
    "csrf": csrf_failure,
}


@pytest.mark.parametrize(
    ("language", "start"), [("en", "To the start"), ("de", "Zur Startseite")], ids=["en", "de"]
)
@pytest.mark.parametrize("what", list(PAGES))
def test_what_went_wrong_is_said_in_words_and_leads_back(rf, what, language, start):
    with override(language):
        page = PAGES[what](rf.get("/nowhere/"))
    assert page.status_code == (403 if what == "csrf" else what)
    assert f'<html lang="{language}">' in page.text
    assert f'<a class="button" href="/">{start}</a>' in page.text
    assert '<h1 class="large">' in page.text
