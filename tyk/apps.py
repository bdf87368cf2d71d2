from django.apps import AppConfig


class TykConfig(AppConfig):
    name = "tyk"
    verbose_name = "Operation"
