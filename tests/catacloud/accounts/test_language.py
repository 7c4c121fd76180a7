"""Pages are in the language that a person chose, or that the browser asks for."""

import pytest
from django.urls import reverse

from catacloud.accounts.models import User

pytestmark = pytest.mark.django_db

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.fixture
def person():
    return User.objects.create_user("ada@example.com", "correct horse battery")


def test_a_visitor_gets_the_language_that_the_browser_asks_for(client):
    page = client.get(reverse("login"), headers=GERMAN)
    assert '<html lang="de">' in page.text
    assert "Anmelden" in page.text
    assert page["Content-Language"] == "de"
    assert "Accept-Language" in page["Vary"]


@pytest.mark.parametrize("asked", ["", "fr", "*", "de" * 500, "en-GB"])
def test_whoever_asks_for_no_language_of_ours_gets_english(client, asked):
    assert (
        '<html lang="en">' in client.get(reverse("login"), headers={"Accept-Language": asked}).text
    )


def test_a_visitor_may_choose_another_one_in_this_browser(client):
    done = client.post(reverse("choose-language"), {"language": "en", "next": "/login/"})
    assert (done.status_code, done.url) == (302, "/login/")
    assert '<html lang="en">' in client.get(reverse("login"), headers=GERMAN).text


def test_what_a_person_chose_counts_in_every_browser(client, person):
    client.force_login(person)
    client.post(reverse("choose-language"), {"language": "de"})
    client.cookies.clear()
    client.force_login(person)
    assert '<html lang="de">' in client.get(reverse("home"), headers={"Accept-Language": "en"}).text


@pytest.mark.parametrize("language", ["", "fr", "de; x=1", "a" * 5000])
def test_a_language_that_there_is_not_is_refused_in_words(client, person, language):
    client.force_login(person)
    done = client.post(reverse("choose-language"), {"language": language})
    assert done.status_code == 400
    assert "choose one of them" in done.text
    assert User.objects.get().language == ""


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_choosing_leads_nowhere_else(client, elsewhere):
    done = client.post(reverse("choose-language"), {"language": "de", "next": elsewhere})
    assert done.url == reverse("home")


def test_the_admin_is_in_the_language_too(client):
    page = client.get("/admin/login/", headers=GERMAN)
    assert "Anmelden" in page.text
    assert page["Content-Language"] == "de"


def test_the_apis_stay_in_english(client):
    answer = client.post("/api/v1/events", headers=GERMAN)
    assert answer.status_code == 401
    assert "key" in answer.json()["detail"]
    assert "Content-Language" not in answer


def test_one_request_leaves_nothing_to_the_next(client):
    client.get(reverse("login"), headers=GERMAN)
    assert "Sign in" in client.get(reverse("login")).text


def test_each_language_is_named_in_itself(client):
    page = client.get(reverse("login"), headers=GERMAN).text
    assert ">English<" in page
    assert ">Deutsch<" in page
