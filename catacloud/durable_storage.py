"""Files in a folder that survive a power cut: Django's own storage leaves that to chance."""

import os
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage


class DurableFileSystemStorage(FileSystemStorage):
    """Once a file is saved, its bytes and its name are on the disk."""

    def _save(self, name: str, content: Any) -> str:
        saved: str = super()._save(name, content)  # type: ignore[misc]  # unknown to the stubs
        path = Path(self.path(saved))
        _sync(path)
        root = Path(self.location).resolve()
        for folder in path.resolve().parents:
            _sync(folder)
            if folder == root:
                break
        return saved


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
