"""How gunicorn serves the site: gunicorn --config python:catacloud.gunicorn catacloud.wsgi."""

import gc
import os
import sys

from django.conf import settings
from gunicorn.http.unreader import SocketUnreader

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "catacloud.settings")

# Workers are forked from a process that has the site loaded: most of their memory is one, and who
# takes the place of a dead one is there at once. So new code wants a restart, not only SIGHUP.
preload_app = True
# A slow upload keeps a thread, and must not keep the pages from others: these have as many again.
worker_class = "catacloud.web_worker.WebWorker"
# What reads a batch of events holds Python's lock of its process: the more there are, the rarer
# another request waits for it. With three, the slowest of single events took a fifth less than with
# two, and four were no better.
workers = int(os.environ.get("WEB_CONCURRENCY", "3"))
threads = 16
# A query of a meter may name a hundred customers.
limit_request_line = 8190  # bytes, the most that gunicorn can
# A final upload names its parts in one header, by addresses of up to 250 bytes each.
limit_request_field_size = 250 * max(settings.MAX_CONCAT_PARTS, 1000)
# Whether a proxy is believed, and which of its headers, is said in Django's settings alone.
secure_scheme_headers: dict[str, str] = {}

# Of a body it holds as much as it receives at a time, and copies what was not yet asked for with
# each read: several MiB for each upload, where 1 MiB is received, and time besides.
SocketUnreader.max_body_chunk = 2**17


def when_ready(server: object) -> None:
    """Let garbage be looked for only among what comes after the site is loaded.

    All that a worker is forked with lives as long as it does, and to go through it took a twentieth
    of the time of pages with many figures.
    """
    gc.collect()
    gc.freeze()


def post_fork(server: object, worker: object) -> None:
    """Let a thread have Python's lock at most this long while others wait for it.

    A request with one event gives the lock up at each of its queries, and beside one that reads a
    batch waits for it as often: of the default, 5 ms, its slowest took about twice as long.
    """
    sys.setswitchinterval(0.0001)
