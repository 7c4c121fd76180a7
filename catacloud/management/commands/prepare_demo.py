import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """One process for all of it: to load the site takes longer than most of what is done here."""

    help = "Bring the demo's database and static files up to date, and fill what is empty."
    requires_system_checks = []  # migrate has them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("state", type=Path, help="The folder of the demo.")
        parser.add_argument("logins", type=Path, help="Written last: see seed_demo.")

    def handle(self, *, state: Path, logins: Path, **options: Any) -> None:
        self._say("Preparing the database …")
        call_command("migrate", verbosity=0, skip_checks=False)
        _collect_static_files(state / "static.stamp")
        if not logins.exists():
            self._say("Making a platform: 12 organisations, 90 days of usage.")
            call_command("seed_demo", logins)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _collect_static_files(stamp: Path) -> None:
    """Copy, hash and compress static files, where any of them is not as it was the last time."""
    root = settings.BASE_DIR
    files = [root / "requirements.txt", *sorted((root / "static").rglob("*"))]
    seen = [f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
    digest = hashlib.sha256("\n".join(seen).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(digest)
