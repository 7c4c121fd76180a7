"""What a reader or writer gets whose connection is lost: the one place that says so."""

import django.db
import psycopg

# psycopg's own: closing a cursor of a lost connection fails, and Django does not translate that.
LOST = (django.db.Error, psycopg.Error)
