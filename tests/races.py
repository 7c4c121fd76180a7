from collections.abc import Callable
from threading import Barrier, Thread

from django.db import connection


def run_at_once(
    *jobs: Callable[[], object], expected: type[Exception] | tuple[type[Exception], ...]
) -> list[Exception]:
    """Run the jobs in threads that start together; return the expected errors that they raised.

    Any other error comes out of the thread and fails the test, as pytest makes warnings errors.
    """
    barrier = Barrier(len(jobs))
    raised: list[Exception] = []

    def run(job: Callable[[], object]) -> None:
        barrier.wait()
        try:
            job()
        except expected as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised
