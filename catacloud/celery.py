import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "catacloud.settings")

app = Celery("catacloud")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
