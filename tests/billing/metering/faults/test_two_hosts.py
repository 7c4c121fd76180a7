"""Workers on two hosts, which share nothing but a database and a broker, share the work."""

import re
from urllib.parse import quote, urlsplit

import pytest
from django.conf import settings
from django.db import connection

from tests.billing.metering.faults import usage
from tests.billing.metering.faults.workers import beat, worker
from tests.crashing import own_servers
from tests.eventstore.servers import until
from tests.hosts import hosts

EVENTS, BATCH = 20_000, 2_000
DONE = re.compile(r"advance_partition\[[^]]*\] succeeded in [^:]*: (\d+)")


def from_there(host, broker):
    """Return the environment in which a worker on that host finds our servers."""
    folder, name = connection.settings_dict["HOST"], quote(connection.settings_dict["NAME"])
    if not folder.startswith("/"):
        pytest.skip("NOT TESTED on hosts of their own: the database is not on this machine.")
    database = host.door(f"{folder}/.s.PGSQL.{connection.settings_dict['PORT'] or 5432}")
    user = urlsplit(settings.DATABASE_URL).username
    return {
        "DATABASE_URL": f"postgres://{user}@{database}/{name}",
        "REDIS_URL": f"redis://{host.door(urlsplit(broker).path)}",
    }


def share(folder, name):
    """Return how many events a worker has folded, by its log."""
    return sum(int(number) for number in DONE.findall((folder / f"{name}.log").read_text()))


@pytest.mark.django_db(transaction=True)
def test_each_takes_its_share_and_the_figures_are_exact(tmp_path):
    usage.prepare()
    with own_servers() as servers, hosts(2) as two:
        servers.start_valkey()
        here = {"REDIS_URL": servers.redis_url}
        first, second = (
            worker(
                tmp_path,
                name=f"worker{number}",
                concurrency=1,
                host=host.prefix,
                environment=from_there(host, servers.redis_url),
            )
            for number, host in enumerate(two)
        )
        for body in usage.bodies(EVENTS, batch=BATCH):
            usage.send(body)
        with first, second, beat(tmp_path, environment=here):
            until(usage.is_up_to_date, 60)
    usage.assert_exact(EVENTS)
    shares = [share(tmp_path, f"worker{number}") for number in range(2)]
    assert sum(shares) >= EVENTS
    assert min(shares) > EVENTS / 10, shares
