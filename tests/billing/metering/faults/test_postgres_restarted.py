"""PostgreSQL stops without a word and comes back, amid an import: workers and senders go on."""

from functools import partial
from threading import Thread

import pytest
from django.db import connection

from eventstore.check import findings
from tests import migrated
from tests.billing.metering.faults import usage
from tests.billing.metering.faults.workers import beat, worker
from tests.crashing import own_servers
from tests.eventstore.servers import on, until

EVENTS, BATCH = 12_000, 500
CRASHES = (2_000, 6_000)  # when so many events are folded


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_or_counted_twice(tmp_path, monkeypatch):
    with own_servers(durable=True) as servers:
        migrated.put_into(servers.home.state)
        servers.start_postgres()
        there = migrated.url(servers.database_url)
        with on(there, monkeypatch):
            usage.prepare()
            sending = Thread(target=usage.send_all, args=[usage.bodies(EVENTS, batch=BATCH)])
            environment = {"DATABASE_URL": there}
            with (
                worker(tmp_path, environment=environment) as running,
                beat(tmp_path, environment=environment),
            ):
                until(running.children)
                sending.start()
                for moment in CRASHES:
                    until(partial(usage.has_handled, moment), 60)
                    servers.crash_postgres()
                    servers.start_postgres()
                connection.close()
                sending.join()
                until(usage.is_up_to_date, 60)
            usage.assert_exact(EVENTS)
            assert list(findings()) == []
