from django.apps import AppConfig


class OrgSettingsConfig(AppConfig):
    name = "catacloud.org_settings"
    label = "org_settings"
    verbose_name = "Settings of organisations"

    def ready(self) -> None:
        from catacloud.org_settings import events  # noqa: F401 (every process can read them)
