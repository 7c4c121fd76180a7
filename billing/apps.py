from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing.metering.tasks import wake_saga
        from eventstore.store import appended

        appended.connect(wake_saga, dispatch_uid="wake the metrics saga")
