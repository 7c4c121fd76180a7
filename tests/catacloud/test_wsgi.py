"""The site can be loaded before gunicorn forks its workers (preload_app)."""

import json
import subprocess
import sys

LOADED = """
import json, os, stat, sys, threading
from django.db import connections
from django.urls import get_resolver
import catacloud.wsgi

def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False

get_resolver().url_patterns
json.dump({
    "threads": threading.active_count(),
    "sockets": [number for number in range(3, 256) if is_socket(number)],
    "connections": [c.alias for c in connections.all() if c.connection],
}, sys.stdout)
"""


def test_workers_inherit_neither_a_connection_nor_a_thread():
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert json.loads(ended.stdout) == {"threads": 1, "sockets": [], "connections": []}
