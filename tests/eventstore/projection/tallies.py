"""A projection that keeps the positions it saw, and mails each of them."""

from django.db import connection

from eventstore import store
from eventstore.models import StoredEvent
from eventstore.projection import Projection
from eventstore.store import Append
from tests.eventstore.examples import counted, stream


def run(sql, rows=()):
    with connection.cursor() as cursor:
        if rows:
            cursor.executemany(sql, rows)
        else:
            cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def tally(version):
    """Make a version of a projection that keeps the positions it saw, and mails each of them."""

    def handle(events):
        run(f"INSERT INTO tally_{version} VALUES (%s)", [(one.position,) for one in events])

    def react(events):
        run("INSERT INTO mail VALUES (%s, %s)", [(one.position, version) for one in events])

    def truncate():
        run(f"TRUNCATE tally_{version}")

    return Projection("tally", version, handle, truncate, react)


def append(count=1):
    keys = [stream(tenant_id=type(stream().tenant_id)(int=tenant)) for tenant in range(count)]
    store.append([Append(key=key, events=[counted()]) for key in keys])


def shown(version):
    return [position for (position,) in run(f"SELECT position FROM tally_{version} ORDER BY 1")]


def mailed(version):
    found = run(f"SELECT position FROM mail WHERE version = {version} ORDER BY 1")
    return [position for (position,) in found]


def stored():
    return list(StoredEvent.objects.order_by("position").values_list("position", flat=True))
