"""The command rebuilds, switches, and says how a version stands."""

import io
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from eventstore import projection
from eventstore.models import Checkpoint
from eventstore.projection import live_version, rebuild
from tests.eventstore.projection.tallies import append, shown, stored, tally

pytestmark = pytest.mark.django_db(transaction=True)


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch):
        """Two versions, as an app registers them; return them."""
        monkeypatch.setattr(projection, "_registered", {})
        return [projection.register(tally(version)) for version in (1, 2)]

    def call(self, do, **options):
        out = io.StringIO()
        call_command("eventstore_projection", "tally", do, stdout=out, **options)
        return out.getvalue().strip()

    def test_rebuilds_switches_and_tells(self):
        append(5)
        assert self.call("status", of=1).startswith("tally@1 is behind by 5 events (")
        said = self.call("rebuild", of=1)
        assert said.startswith("tally@1 has handled 5 events. tally@1 is behind by 0 events (0 s)")
        assert self.call("switch", of=1).endswith("; version 1 is live.")
        assert shown(1) == stored()

    def test_takes_the_newest_version_unless_told(self, live):
        append(3)
        rebuild(live)
        self.call("rebuild")
        self.call("switch")
        assert live_version("tally") == 2
        assert shown(2) == stored()

    def test_goes_on_where_it_was_interrupted(self, registered, monkeypatch):
        append(20)
        one, seen = registered[0], []

        def handle(events):
            one.handle(events)
            seen.extend(events)
            if len(seen) == 9:
                raise KeyboardInterrupt

        interrupted = {("tally", 1): replace(one, handle=handle)}
        monkeypatch.setattr(projection, "_registered", interrupted)
        with pytest.raises(CommandError, match="with 14 events to go: run it again") as caught:
            self.call("rebuild")
        assert caught.value.returncode == 130
        assert self.call("rebuild").startswith("tally@1 has handled 14 events.")
        assert shown(1) == stored()

    def test_names_the_event_that_fails(self, registered, monkeypatch):
        append()

        def handle(events):
            raise ValueError("no such service")

        failing = {("tally", 1): replace(registered[0], handle=handle)}
        monkeypatch.setattr(projection, "_registered", failing)
        with pytest.raises(CommandError, match="cannot handle stream"):
            self.call("rebuild")

    def test_does_not_switch_to_what_is_far_behind(self, live, monkeypatch):
        append()
        rebuild(live)
        Checkpoint.objects.filter(consumer="tally@2").delete()
        monkeypatch.setattr(projection.switch, "__kwdefaults__", {"limit": 0})
        with pytest.raises(CommandError, match="tally@2 is at 0 in partition 0, not yet at"):
            self.call("switch")

    @pytest.mark.parametrize(("name", "of"), [("tally", 3), ("talley", None)])
    def test_says_what_there_is(self, name, of):
        with pytest.raises(CommandError, match="there are: 'tally@1', 'tally@2'"):
            call_command("eventstore_projection", name, "status", of=of)


def test_the_command_says_how_to_register_where_nothing_is(monkeypatch):
    monkeypatch.setattr(projection, "_registered", {})
    with pytest.raises(CommandError) as refused:
        call_command("eventstore_projection", "tally", "status")
    assert str(refused.value) == (
        "No projection is registered: let an app hand its own to eventstore.projection.register, "
        "in the ready() of its AppConfig."
    )


def test_a_version_is_registered_once(monkeypatch):
    monkeypatch.setattr(projection, "_registered", {})
    projection.register(tally(1))
    with pytest.raises(projection.DuplicateProjection, match="tally@1"):
        projection.register(tally(1))
