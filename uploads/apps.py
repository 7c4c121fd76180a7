from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "uploads"

    def ready(self) -> None:
        from eventstore.shredding import shredded
        from uploads.models import erase_names

        shredded.connect(erase_names, dispatch_uid="erase the names of files")
