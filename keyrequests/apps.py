from django.apps import AppConfig


class KeyRequestsConfig(AppConfig):
    name = "keyrequests"
    verbose_name = "Access"
