import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real traces and cases beside the checkout, which is no part of the project."""
    folder = Path(os.environ.get("CATACLOUD_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"NOT TESTED on real data: there is no {folder}.")
    return folder
