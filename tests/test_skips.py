"""At the end of a run it is said what could not be tested, and why."""

import pytest

from tests.skips import said


def skipped(reason):
    return pytest.TestReport(
        nodeid="tests/test_x.py::test_y",
        location=("tests/test_x.py", 1, "test_y"),
        keywords={},
        outcome="skipped",
        longrepr=("tests/test_x.py", 1, f"Skipped: {reason}"),
        when="setup",
    )


def test_a_reason_is_told_once_with_how_many_tests_it_kept_from_running():
    reports = [
        skipped("NOT TESTED with RabbitMQ: apt-get install rabbitmq-server."),
        skipped("NOT TESTED with RabbitMQ: apt-get install rabbitmq-server."),
        skipped("NOT TESTED in a browser: there is none."),
        skipped("Such a name is refused."),
    ]
    assert said(reports) == [
        "NOT TESTED in a browser: there is none. (1 test)",
        "NOT TESTED with RabbitMQ: apt-get install rabbitmq-server. (2 tests)",
    ]
