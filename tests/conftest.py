import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data beside the checkout; a test that needs it skips without."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("CATACLOUD_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: set CATACLOUD_SHARED to the folder of shared data.")
    return folder
