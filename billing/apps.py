from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing.budgets import events  # noqa: F401 (every process can read them)
        from billing.metering.folding import saga
        from billing.metering.tasks import folded, wake_saga
        from billing.rankings.asking import renew_watched
        from eventstore import consumers
        from eventstore.store import appended

        consumers.register(consumers.Consumer(saga.CONSUMER, saga.HANDLER, saga.BATCH))
        appended.connect(wake_saga, dispatch_uid="wake the metrics saga")
        folded.connect(renew_watched, dispatch_uid="renew what somebody looks at")
