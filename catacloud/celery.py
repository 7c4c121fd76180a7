import os

from celery import Celery
from celery.signals import worker_process_init, worker_ready
from kombu.transport import TRANSPORT_ALIASES

from catacloud import heap

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "catacloud.settings")

TRANSPORT_ALIASES["redis"] = "catacloud.broker:Transport"

app = Celery("catacloud")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

for started in (worker_process_init, worker_ready):  # each process of a pool, and the only one
    started.connect(heap.settle)
