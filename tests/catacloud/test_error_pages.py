"""Pages that say what went wrong are in the look of all others, and in their language."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.utils.translation import override
from django.views.csrf import csrf_failure
from django.views.defaults import bad_request, page_not_found, permission_denied, server_error

from catacloud.problems import MEDIA_TYPE

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


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), ("/api/v1/events", MEDIA_TYPE), ("/files/acme/", MEDIA_TYPE)],
)
def test_a_host_that_is_not_ours_is_a_page_to_people_and_a_problem_to_programs(client, path, kind):
    answer = client.get(path, headers={"host": "evil.example.com"})
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (400, kind)
