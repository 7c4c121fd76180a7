"""Two minutes of cuts, stalls, repeated requests and killed workers; then everything is checked.

What clients do comes from SEED; when it meets a kill is up to the machine.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from threading import Thread

from tests.benchmarks.harness import Measure, Options
from tests.benchmarks.soak_uploads import checks
from tests.benchmarks.soak_uploads.clients import Client
from tests.benchmarks.soak_uploads.ledger import Ledger
from tests.benchmarks.uploads.place import Place, place
from tests.uploads.tus.client import Tus

SEED = int(os.environ.get("SOAK_SEED", "20261124"))
CLIENTS, FILES, SECONDS = 16, 200, 120
ORGANISATIONS = 2
IDLE = 5  # seconds until a worker gives a stalled body up
KILLS = (2, 5)  # seconds between two of them


def run(options: Options) -> Iterator[Measure]:
    files, seconds = max(CLIENTS, round(FILES * options.scale)), SECONDS * options.scale
    sys.stderr.write(f"Seed {SEED}: {files} files, {CLIENTS} clients, {seconds:g} s.\n")
    environment = {"UPLOAD_IDLE_SECONDS": str(IDLE)}
    with place("soak", organisations=ORGANISATIONS, environment=environment) as where:
        ledger = Ledger()
        killed = _soak(where, ledger, files=files, seconds=seconds)
        sys.stderr.write(f"Met: {dict(sorted(ledger.counts.items()))}\n")
        yield from checks.run(where, ledger, killed=killed, files=files)


def _soak(where: Place, ledger: Ledger, *, files: int, seconds: float) -> int:
    start = time.monotonic()

    def work(client: int) -> None:
        for number in range(client, files, CLIENTS):
            begins = start + number / files * seconds
            time.sleep(max(0, begins - time.monotonic()))
            account = where.accounts[client % ORGANISATIONS]
            tus = Tus(where.server.port, account.slug, {"Authorization": f"Bearer {account.key}"})
            Client(tus, ledger, f"{SEED}-{number}").run()

    threads = [Thread(target=work, args=[client]) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    killed = _kill_workers(where, until=start + seconds)
    for thread in threads:
        thread.join()
    return killed


def _kill_workers(where: Place, *, until: float) -> int:
    random, killed = Random(SEED), 0
    while time.monotonic() < until:
        time.sleep(min(random.uniform(*KILLS), max(0, until - time.monotonic())))
        workers = where.workers()
        if workers:
            with suppress(ProcessLookupError):
                os.kill(random.choice(workers), signal.SIGKILL)
                killed += 1
    return killed
