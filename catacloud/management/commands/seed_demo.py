import json
import os
import secrets
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.progress import track

from catacloud.accounts.models import Organisation
from catacloud.demo.seed import seed


class Command(BaseCommand):
    help = "Fill an empty database with a made-up platform, and write how to sign in to a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("logins", type=Path, help="JSON, to be read by its owner alone.")

    def handle(self, *, logins: Path, **options: Any) -> None:
        if Organisation.objects.exists():
            raise CommandError("The database has organisations already: the demo wants it empty.")
        passwords = secrets.token_urlsafe(9), secrets.token_urlsafe(9)
        made = seed(now=timezone.now(), passwords=passwords, track=track)
        with os.fdopen(os.open(logins, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(made), file, indent=2)
