"""Traces as usage: their rows, and the command that sends them.

That every daily figure of the real ones is exact is tested where they are sent by HTTP, in
tests/billing/clients/test_openmeter_traces.py.
"""

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from billing.management.commands import import_usage
from billing.metering.folding import saga
from billing.metering.models import Service
from billing.metering.querying.usage import daily_figures
from billing.metering.traces import BadRow, dlrm, gentd26
from billing.periods import Days
from catacloud.accounts.models import Organisation
from eventstore import feed
from eventstore.models import StoredEvent

LATER = datetime(2026, 11, 1, tzinfo=UTC)
GIB_HOUR = 2**30 * 3_600_000_000  # byte × µs

REQUESTS = """gmt_create,exec_time_seconds,groupId
2025-01-01 16:57:50,32.0,G 1
2025-01-01 23:59:59,0.25,G 2
2025-01-02 00:00:00,7.5,G 1
2025-01-01 04:00:00,1.5,G 1
2025-01-01 05:00:00,2.0,G 2
"""
INSTANCES = """instance_sn,app_name,disk_request,creation_time,deletion_time
a,app_0,10.0,82800.0,86400.0
b,app_0,1.0,79200.0,
c,app_1,3.0,,3600.0
"""


def test_a_request_becomes_an_event_with_its_line_as_the_id():
    row = {"gmt_create": "2024-11-15 16:57:50", "exec_time_seconds": "32.0", "groupId": "G0000"}
    [event] = gentd26([row])
    assert event == {
        "specversion": "1.0",
        "subject": "G0000",
        "source": "gentd26",
        "id": "2",
        "type": "catacloud.execution.finished",
        "time": "2024-11-15T16:57:50+00:00",
        "data": {"seconds": "32.0"},
    }


def test_an_instance_becomes_a_rise_and_a_fall_at_whole_seconds():
    row = {
        "instance_sn": "i1",
        "app_name": "app_0",
        "disk_request": "640.0",
        "creation_time": "475.00000000000006",
        "deletion_time": "",
    }
    [created] = dlrm([row])
    assert created["time"] == "2025-01-01T00:07:55+00:00"
    assert created["data"] == {"bytes": str(640 * 2**30)}
    _, deleted = dlrm([{**row, "deletion_time": "536.0"}])
    assert deleted["data"] == {"bytes": str(-640 * 2**30)}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"gmt_create": "2024-11-15 16:57:50", "groupId": "G"}, "no column 'exec_time_seconds'"),
        (
            {"gmt_create": "today", "groupId": "G", "exec_time_seconds": "1"},
            "Line 2 cannot be read",
        ),
        (
            {"gmt_create": "2024-11-15 16:57:50", "groupId": "G", "exec_time_seconds": "soon"},
            "Line 2 cannot be read",
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_named_by_its_line(row, reason):
    with pytest.raises(BadRow, match=reason):
        list(gentd26([row]))


class TestTheCommand:
    def test_says_clearly_that_a_file_is_missing(self):
        with pytest.raises(CommandError, match=r"nowhere\.csv: .*No such file"):
            call_command("import_usage", "nowhere.csv", format="dlrm")

    @pytest.mark.django_db
    def test_counts_an_event_once_however_often_it_is_run(self, tmp_path):
        file = tmp_path / "requests.csv"
        file.write_text("gmt_create,exec_time_seconds,groupId\n2024-11-15 16:57:50,32.0,G0000\n")
        assert "1 events, 1 of them new" in call_command(
            "import_usage", str(file), format="gentd26"
        )
        assert "1 events, 0 of them new" in call_command(
            "import_usage", str(file), format="gentd26"
        )
        assert StoredEvent.objects.count() == 1

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("name", "text", "service", "expected"),
        [
            (
                "gentd26",
                REQUESTS,
                "execution-time",
                {("G 1", 1): "33.5", ("G 1", 2): "7.5", ("G 2", 1): "2.25"},
            ),
            (
                "dlrm",
                INSTANCES,
                "storage",
                {
                    ("app_0", 1): 12 * GIB_HOUR,
                    ("app_0", 2): 24 * GIB_HOUR,
                    ("app_1", 1): 3 * GIB_HOUR,
                },
            ),
        ],
    )
    def test_sends_a_compressed_file_in_batches_and_makes_its_organisations(
        self, name, text, service, expected, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(import_usage, "BATCH", 2)
        file = tmp_path / "trace.csv.gz"
        file.write_bytes(gzip.compress(text.encode()))
        assert call_command("import_usage", str(file), format=name).startswith("Sent 5 events")
        for partition in feed.partitions():
            while saga.advance(partition=partition):
                pass
        names = dict(Organisation.objects.values_list("id", "name"))
        rows = daily_figures(
            service=Service.objects.get(slug=service),
            days=Days(date(2025, 1, 1), date(2025, 1, 3)),
            now=LATER,
            organisations=list(names),
        )
        found = {
            (names[row.organisation_id], row.day.day): row.figure
            for row in rows
            if row.organisation_id and row.figure
        }
        assert found == {key: Decimal(value) for key, value in expected.items()}
