"""The command that shreds asks first, and says what it did."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.eventstore.examples import TENANT
from tests.eventstore.shredding.erasing import ERASED, read

pytestmark = pytest.mark.django_db(transaction=True)


class TestTheCommand:
    def call(self, *arguments, out=None):
        call_command("eventstore_shred", str(TENANT), *arguments, stdout=out or StringIO())

    def test_asks_and_may_be_left(self, key, monkeypatch):
        monkeypatch.setattr("builtins.input", lambda question: "no")
        with pytest.raises(CommandError, match="Nothing was shredded"):
            self.call("--by", "alice", "--reason", "law")
        assert read(key)[0].name == "Ada"

    def test_does_it_and_says_what_it_did(self, key):
        out = StringIO()
        self.call("--by", "alice", "--reason", "law", "--yes", out=out)
        assert "by alice: 1 events had sealed fields" in out.getvalue()
        assert read(key) == [ERASED]

    def test_wants_to_know_who_and_why(self, key):
        with pytest.raises(CommandError, match="Say who and why"):
            self.call("--by", " ", "--reason", "law", "--yes")
