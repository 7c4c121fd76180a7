from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "catacloud.accounts"
    label = "accounts"
    verbose_name = "Accounts"
