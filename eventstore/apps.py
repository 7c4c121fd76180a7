from django.apps import AppConfig
from django.conf import settings


class EventStoreConfig(AppConfig):
    name = "eventstore"
    verbose_name = "Event store"

    def ready(self) -> None:
        if getattr(settings, "EVENTSTORE_NOTIFY", False):
            from eventstore import wakeups

            wakeups.send_after_appends()
