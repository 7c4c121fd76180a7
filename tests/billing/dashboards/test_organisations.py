"""Finding an organisation: suggestions at the top of operators' pages, and the list of all."""

import re

import pytest

from billing.dashboards.organisations import PER_PAGE, SUGGESTED
from catacloud.accounts.models import Organisation
from catacloud.accounts.organisations import LONGEST
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db

URL = "/organisations/"
SUGGESTIONS = {"HX-Request": "true", "HX-Target": "found"}


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)


@pytest.fixture(autouse=True)
def _organisations():
    make_organisation("Halden Genomics")
    make_organisation("Nordhalden")
    Organisation.objects.create(
        slug="tern", name="Tern & Co <b>", external_key="CUST-77", created_at="2026-01-01T00:00Z"
    )


def suggested(client, text: str) -> list[str]:
    page = client.get(URL, {"q": text}, headers=SUGGESTIONS).content.decode()
    return re.findall(r'role="option" tabindex="-1" href="([^"]+)"', page)


def usage(*slugs: str) -> list[str]:
    return [f"/organisations/{slug}/usage/" for slug in slugs]


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ("HALD", ["halden-genomics", "nordhalden"]),  # who begins with it comes first
        ("ern", ["tern"]),
        ("cust-7", ["tern"]),
        ("n-g", ["halden-genomics"]),
        ("%%", []),
        ("nu\0l", []),
        ("h", []),  # one letter is in nearly every name
        (" ", []),
    ],
)
def test_suggests_who_has_it_in_the_name_slug_or_external_key(client, text, slugs):
    assert suggested(client, text) == usage(*slugs)


def test_suggests_a_few_and_leads_to_all(client, django_assert_max_num_queries):
    for n in range(SUGGESTED):
        make_organisation(f"Halden {n}")
    with django_assert_max_num_queries(3):  # the session, the person, those found
        *first, more = suggested(client, "halden")
    assert len(first) == SUGGESTED
    assert more == f"{URL}?q=halden"


def test_says_how_many_there_are_to_who_does_not_see_them(client):
    page = client.get(URL, {"q": "halden"}, headers=SUGGESTIONS).content.decode()
    assert re.search(r'<div hx-swap-oob="innerHTML:#announced">\s*2 organisations\s*</div>', page)


def test_escapes_what_a_name_and_a_question_say(client):
    page = client.get(URL, {"q": "tern"}, headers=SUGGESTIONS).content.decode()
    assert "Tern &amp; Co &lt;b&gt;" in page
    page = client.get(URL, {"q": "<script>"}, headers=SUGGESTIONS).content.decode()
    assert "“&lt;script&gt;”" in page


@pytest.mark.parametrize("headers", [{}, SUGGESTIONS])
@pytest.mark.parametrize("path", [URL, "/overview/"])
def test_repeats_no_more_of_a_question_than_a_name_can_have(client, path, headers):
    asked = {"metric": "stored", "q": f" {'z' * 3000}"}
    page = client.get(path, asked, headers=headers, follow=True)
    assert page.redirect_chain == [(f"{path}?metric=stored&q={'z' * LONGEST}", 302)]
    said = re.findall("z{9,}", page.content.decode())  # by links and fields, too
    assert said
    assert set(said) == {"z" * LONGEST}


class TestWithoutScripts:
    def test_whoever_is_the_only_one_is_gone_to(self, client):
        assert client.get(URL, {"q": "cust-77"}).headers["Location"] == usage("tern")[0]

    def test_several_are_listed(self, client):
        page = client.get(URL, {"q": "halden"}).content.decode()
        assert re.findall(r'class="row-link" href="([^"]+)"', page) == usage(
            "halden-genomics", "nordhalden"
        )
        assert 'name="q" value="halden"' in page

    def test_says_that_nobody_is_called_so(self, client):
        page = client.get(URL, {"q": "nobody"}).content.decode()
        assert "No organisation has “nobody” in its name" in page

    def test_all_come_in_pages(self, client):
        for n in range(PER_PAGE):
            make_organisation(f"Org {n:02}")
        page = client.get(URL, {"page": "2"}).content.decode()
        assert f"{PER_PAGE + 1}–{PER_PAGE + 3} of {PER_PAGE + 3}" in page

    def test_says_what_to_do_when_there_is_none(self, client):
        Organisation.objects.all().delete()
        assert "Add the first one" in client.get(URL).content.decode()


def test_only_operators_have_the_field(client, as_user, owner):
    assert 'id="finder"' in client.get(URL).content.decode()
    page = as_user(owner).get("/organisations/acme/usage/").content.decode()
    assert "finder" not in page
