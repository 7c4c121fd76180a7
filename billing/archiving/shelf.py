"""Where archives are: the storage that settings.STORAGES calls ``archive``, by name."""

import hashlib
from collections.abc import Callable

from django.core.files.base import ContentFile
from django.core.files.storage import storages

Read = Callable[[str], bytes]


def put(name: str, content: bytes) -> None:
    """Keep a file under a name, unless it is there already; what a crash left there is replaced."""
    archive = storages["archive"]
    if archive.exists(name):
        if get(name) == content:
            return
        archive.delete(name)
    kept = archive.save(name, ContentFile(content))
    if kept != name:
        raise FileExistsError(f"Another file came to be {name} meanwhile: archive once more.")


def get(name: str) -> bytes:
    """Return a file as it is now. Raises FileNotFoundError."""
    with storages["archive"].open(name) as file:
        content: bytes = file.read()
    return content


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
