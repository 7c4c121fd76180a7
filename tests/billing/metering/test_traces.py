"""The real traces: every daily figure equals an independent calculation from the CSV."""

from datetime import UTC, date, datetime

import pytest
from django.core.management import CommandError, call_command

from billing.metering import saga
from billing.metering.models import Service
from billing.metering.traces import BadRow, dlrm, gentd26
from billing.metering.usage import daily_figures, daily_totals
from billing.periods import Days
from catacloud.accounts.models import Organisation
from eventstore import feed
from eventstore.models import StoredEvent
from tests.billing.metering.trace_sums import execution_seconds, stored_byte_microseconds

LATER = datetime(2026, 11, 1, tzinfo=UTC)
GIB_DAY = 2**30 * 86_400_000_000  # byte × µs


def import_and_fold(file, name):
    said = call_command("import_usage", str(file), format=name)
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass
    return said


def figures_of(slug, days):
    """Return {(organisation's name, day): figure} as the pages would read it."""
    service = Service.objects.get(slug=slug)
    names = dict(Organisation.objects.values_list("id", "name"))
    return {
        (names[row.organisation_id], row.day): row
        for row in daily_figures(service=service, days=days, now=LATER, organisations=list(names))
        if row.organisation_id
    }


def without_zeros(figures):
    return {key: figure for key, figure in figures.items() if figure}


@pytest.mark.django_db
def test_execution_time_of_gentd26_is_exact_for_every_group_and_day(shared):
    file = shared / "data/gentd26_requests.csv.gz"
    expected = execution_seconds(file)
    assert "26823 events, 26823 of them new" in import_and_fold(file, "gentd26")

    days = Days(date(2024, 11, 15), date(2024, 12, 9))
    found = {key: row.figure for key, row in figures_of("execution-time", days).items()}
    assert without_zeros(found) == without_zeros(expected)


@pytest.mark.django_db
def test_stored_bytes_of_dlrm_are_exact_for_every_application_and_day(shared):
    file = shared / "data/dlrm_instances.csv.gz"
    expected = stored_byte_microseconds(file)
    import_and_fold(file, "dlrm")

    days = Days(date(2025, 1, 1), date(2025, 2, 1))
    found = {key: row.figure for key, row in figures_of("storage", days).items()}
    assert without_zeros(found) == without_zeros(expected)
    totals = daily_totals(service=Service.objects.get(slug="storage"), days=days, now=LATER)
    for row in totals:
        assert row.figure == sum(size for (_, day), size in expected.items() if day == row.day)


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
