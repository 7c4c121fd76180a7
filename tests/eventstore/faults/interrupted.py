"""What a reader or writer gets whose connection is lost: the one place that says so."""

import django.db

from eventstore.reading import ReadInterrupted

# A reader hears where it stood, a writer what Django says.
LOST = (django.db.Error, ReadInterrupted)
