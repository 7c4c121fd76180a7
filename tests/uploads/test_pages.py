"""The files page: what people see of their organisation's files, and what they may do."""

import json
import re
from html import unescape

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from catacloud.accounts.api_keys import create_api_key
from tests.uploads.examples import HOUR, NOON, add
from uploads import creating, pages
from uploads.file import Kind
from uploads.models import UploadedFile
from uploads.protocol import Creation
from uploads.templatetags.sizes import exact_size, size

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true", "HX-Target": "files"}


@pytest.fixture
def client(as_user, member):
    return as_user(member)


@pytest.fixture
def address(acme):
    return reverse("files", args=[acme.slug])


def delete_address(organisation, file_id):
    return reverse("delete-file", args=[organisation.slug, file_id])


def shown(response):
    return [file.name for file in response.context["page"]]


class TestAccess:
    def test_a_signed_out_visitor_is_sent_to_the_sign_in(self, client, address):
        client.logout()
        response = client.get(address)
        assert response.status_code == 302
        assert response.url.startswith("/login/")

    def test_the_page_does_not_exist_for_a_stranger(self, as_user, stranger, address):
        assert as_user(stranger).get(address).status_code == 404

    def test_an_operator_sees_the_page_of_every_organisation(self, as_user, operator, address):
        assert as_user(operator).get(address).status_code == 200

    def test_a_stranger_deletes_nothing(self, as_user, stranger, acme):
        file_id = add(acme, b"mine")
        assert as_user(stranger).post(delete_address(acme, file_id)).status_code == 404
        assert UploadedFile.objects.of(acme).filter(id=file_id).exists()

    def test_a_file_of_another_organisation_is_not_deleted(self, client, acme, stranger):
        globex = stranger.organisations.get()
        file_id = add(globex, b"theirs")
        client.post(delete_address(acme, file_id))
        assert UploadedFile.objects.of(globex).filter(id=file_id).exists()

    def test_deleting_takes_a_post_with_the_token(self, client, acme):
        file_id = add(acme, b"mine")
        address = delete_address(acme, file_id)
        assert client.get(address).status_code == 405
        client.handler.enforce_csrf_checks = True
        assert client.post(address).status_code == 403
        assert UploadedFile.objects.of(acme).filter(id=file_id).exists()


class TestList:
    def test_an_empty_page_says_what_to_do(self, client, address):
        response = client.get(address)
        assert "No file yet. Drop one above, or choose one." in response.text
        assert response.context["kept"] == 0

    def test_it_has_the_complete_files_the_newest_first(self, client, acme, address):
        add(acme, b"1", name="old.txt")
        add(acme, b"2", name="new.txt", now=NOON + HOUR)
        creating.create(organisation=acme, asked=unfinished(), now=NOON)
        assert shown(client.get(address)) == ["new.txt", "old.txt"]

    def test_a_line_has_the_name_the_size_and_when(self, client, acme, address):
        file_id = add(acme, b"x" * 1_234_567, name="film.mp4")
        text = client.get(address).text
        assert f'href="/files/acme/{file_id}" download' in text
        assert 'title="1,234,567\u00a0bytes">1.23\u00a0MB<' in text
        assert "1 Nov 2026, 12:00" in text

    def test_a_hostile_name_stays_a_name(self, client, acme, address):
        add(acme, b"x", name='"><img src=x onerror=alert(1)>.html')
        text = client.get(address).text
        assert "<img" not in text
        assert "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;.html" in text

    def test_it_is_paged(self, client, acme, address, monkeypatch):
        monkeypatch.setattr(pages, "PER_PAGE", 2)
        for number in range(5):
            add(acme, b"x", name=f"{number}.txt", now=NOON + number * HOUR)
        assert shown(client.get(address)) == ["4.txt", "3.txt"]
        assert shown(client.get(address, {"page": 3})) == ["0.txt"]
        assert shown(client.get(address, {"page": "nonsense"})) == ["4.txt", "3.txt"]
        assert "3–4 of 5" in client.get(address, {"page": 2}).text

    def test_it_says_what_is_stored_of_the_quota(self, client, acme, address):
        add(acme, b"x" * 1500)
        assert "there is no quota" in client.get(address).text
        acme.storage_quota = 2000
        acme.save()
        text = client.get(address).text
        assert "1.50\u00a0kB" in text
        assert "of 2\u00a0kB" in text
        assert "500\u00a0bytes" in text

    def test_htmx_gets_the_list_and_the_figures_alone(self, client, acme, address):
        add(acme, b"x")
        text = client.get(address, headers=HTMX).text
        assert "<html" not in text
        assert 'hx-swap-oob="innerHTML:#stored"' in text
        restored = client.get(address, headers=HTMX | {"HX-History-Restore-Request": "true"})
        assert "<html" in restored.text

    def test_the_navigation_leads_there(self, client, acme, address):
        usage = client.get(reverse("usage", args=[acme.slug])).text
        assert f'<a href="{address}">Files</a>' in usage
        assert f'<a href="{address}" aria-current="page">Files</a>' in client.get(address).text


class TestInGerman:
    GERMAN = {"Accept-Language": "de"}

    def test_the_page_its_figures_and_what_its_script_says(self, client, acme, address):
        add(acme, b"x" * 1500, name="film.mp4")
        text = client.get(address, headers=self.GERMAN).text
        assert "<h1>Dateien</h1>" in text
        assert "1,50\u00a0kB" in text
        assert 'title="1.500\u00a0Bytes"' in text
        assert "1. Nov 2026, 12:00" in text
        [script] = re.findall(r'id="upload-texts"[^>]*>(.*?)</script>', text)
        texts = json.loads(script)
        assert texts["pauseOne"] == "%(name)s anhalten"
        english = r"\b(the|of|and|is|you|upload this|files?|delete|paused?)\b"
        assert re.findall(english, strip_tags(text.replace(script, "")), re.IGNORECASE) == []

    def test_what_programs_read_stays_in_english(self, client, acme):
        acme.storage_quota = 1500
        acme.save()
        key = create_api_key(organisation=acme, name="Farm", now=NOON)
        asked = {"Authorization": f"Bearer {key}", "Tus-Resumable": "1.0.0"}
        answer = client.post(
            "/files/acme/", headers={**self.GERMAN, **asked, "Upload-Length": "1501"}
        )
        assert "may keep 1.50\u00a0kB, and this would be more" in answer.json()["detail"]


class TestDelete:
    def test_it_deletes_and_shows_the_page_that_it_was_on(self, client, acme, monkeypatch):
        monkeypatch.setattr(pages, "PER_PAGE", 1)
        for number in range(3):
            add(acme, b"x", name=f"{number}.txt", now=NOON + number * HOUR)
        newest = UploadedFile.objects.of(acme)[0]
        response = client.post(f"{delete_address(acme, newest.id)}?page=2", headers=HTMX)
        assert "0.txt" in response.text
        assert "1.txt" not in response.text
        assert 'title="2\u00a0bytes"' in response.text  # what is stored now
        assert "<html" not in response.text

    def test_without_htmx_it_leads_back(self, client, acme, address):
        response = client.post(delete_address(acme, add(acme, b"x")))
        assert response.status_code == 302
        assert response.url == address

    def test_a_file_that_is_gone_already_is_no_failure(self, client, acme):
        address = delete_address(acme, add(acme, b"x"))
        client.post(address)
        assert client.post(address, headers=HTMX).status_code == 200


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1536, "1.54 kB"),
        (999_999, "1 MB"),
        (5 * 10**12, "5 TB"),
        (1_234_567 * 10**12, "1,234.60 PB"),
    ],
)
def test_sizes_are_written_with_few_digits(count, written):
    assert size(count) == written.replace(" ", "\u00a0")
    assert exact_size(1_234_567) == "1,234,567\u00a0bytes"


def unfinished():
    return Creation(kind=Kind.PLAIN, length=9, metadata="", values={}, concat="", parts=[])


class TestAnOpenPage:
    def test_hears_of_files_that_come_and_go_and_else_that_none_did(self, client, acme, address):
        first = add(acme, b"mine")
        [tag] = re.findall(r'data-live="([^"]+)"', client.get(address).content.decode())
        again = {**HTMX, "If-None-Match": unescape(tag)}
        assert client.get(address, headers=again).status_code == 304
        add(acme, b"mine too")
        answer = client.get(address, headers=again)
        assert len(shown(answer)) == 2
        assert b'hx-swap-oob="innerHTML:#stored"' in answer.content
        client.post(delete_address(acme, first))
        [tag] = re.findall(r'data-live="([^"]+)"', answer.content.decode())
        again = {**HTMX, "If-None-Match": unescape(tag)}
        assert len(shown(client.get(address, headers=again))) == 1
