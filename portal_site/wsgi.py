"""The door for a WSGI server: `granian --interface wsgi portal_site.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from portal_site import presence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal_site.settings")

application = get_wsgi_application()

# Only web processes come here, each once.
presence.begin()
