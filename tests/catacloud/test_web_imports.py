"""What the web's workers load: each library that they need not is memory in every one of them."""

import subprocess
import sys

from tests.conftest import BASE_DIR

# For invoices' files, archives and exports, which Celery's workers and commands make.
HEAVY = {"typst", "saxonche", "pikepdf", "lxml", "pypdf", "PIL", "facturx", "pyarrow", "boto3"}
HEAVY |= {"stdnum", "psycopg_pool", "catacloud.embedded"}


def test_the_site_loads_all_its_pages_and_nothing_that_only_other_processes_need():
    code = "import sys, catacloud.wsgi; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "catacloud.urls" in loaded
    assert loaded & HEAVY == set()
