from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.core import checks


class PortalSiteConfig(AppConfig):
    name = "portal_site"
    verbose_name = "Operation"

    def ready(self) -> None:
        # They read settings, so not before these are ready.
        from portal_site import brand, public_files

        checks.register(brand.check)
        checks.register(public_files.check)
        # Groups and rights, called what they are about.
        apps.get_app_config("auth").verbose_name = "People"


class StaffSiteConfig(AdminConfig):
    """Django's admin, with our site in the place of its own."""

    default_site = "portal_site.staff_site.StaffSite"
