from django.apps import AppConfig
from django.contrib import admin
from django.core import checks


class PortalSiteConfig(AppConfig):
    name = "portal_site"
    verbose_name = "Portal"

    def ready(self) -> None:
        from portal_site import brand  # reads settings, so not before they are ready

        checks.register(brand.check)
        admin.site.index_title = "Overview"
        admin.site.site_header = "Staff area"
