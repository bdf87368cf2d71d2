"""The Celery application. Messages only wake work that stands in the database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal_site.settings")

app = Celery("portal_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
