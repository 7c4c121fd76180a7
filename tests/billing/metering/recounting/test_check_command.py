"""The command that compares what the saga wrote with what events make."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing.metering.usage_tables import HourlyUsage

pytestmark = pytest.mark.django_db(transaction=True)


class TestTheCommand:
    def test_says_that_all_is_well(self, used):
        out = StringIO()
        call_command("check_usage", stdout=out)
        assert out.getvalue() == "Usage is as its events make it.\n"

    def test_writes_a_line_per_finding_and_fails(self, used):
        HourlyUsage.objects.update(event_count=99)
        out = StringIO()
        with pytest.raises(CommandError, match=r"^\d+ findings\.$") as error:
            call_command("check_usage", stdout=out)
        lines = out.getvalue().splitlines()
        assert str(error.value) == f"{len(lines)} findings."
        assert len(lines) == HourlyUsage.objects.count()

    def test_looks_only_at_the_slice_that_is_asked_for(self, used):
        HourlyUsage.objects.update(event_count=99)
        for arguments, found in (
            (["--organisation=acme"], 6),
            (["--organisation=globex", "--service=storage"], 4),
            (["--service=transfer"], 0),
            (["--organisation=acme", "--from=2026-11-02"], 1),
            (["--organisation=acme", "--to=2026-11-01", "--service=storage"], 4),
            (["--organisation=acme", "--from=2026-09-22", "--to=2026-10-31"], 1),
        ):
            out = StringIO()
            try:
                call_command("check_usage", *arguments, stdout=out)
            except CommandError:
                assert len(out.getvalue().splitlines()) == found
            else:
                assert not found

    def test_a_slice_that_begins_within_a_month_leaves_its_account_alone(self, used):
        for days in (["--from=2026-11-01"], ["--from=2026-10-15", "--to=2026-11-01"]):
            out = StringIO()
            call_command("check_usage", *days, stdout=out)  # raises where it finds something
            assert out.getvalue() == "Usage is as its events make it.\n", days

    def test_says_what_there_is_not(self):
        for arguments, says in (
            (["--organisation=nobody"], "There is no organisation 'nobody'."),
            (["--service=nothing"], "There is no service 'nothing'."),
            (["--from=2026-11-02", "--to=2026-11-01"], "There are no days from"),
        ):
            with pytest.raises(CommandError, match=says):
                call_command("check_usage", *arguments)
