from django.apps import AppConfig


class CatacloudConfig(AppConfig):
    name = "catacloud"

    def ready(self) -> None:
        # Makes it the current app, to which every @shared_task belongs.
        from catacloud import celery, checks  # noqa: F401
        from catacloud.model_words import translate_models

        translate_models()
