"""The portal's own settings for a test's web processes, but for static files."""

from portal_site.settings import *  # noqa: F403 -- settings are names in a module

# The manifest of static files exists only after collectstatic.
STORAGES = {
    **STORAGES,  # noqa: F405 -- from the line above
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
