"""The portal as its tests serve it, and the one-line view it is measured against."""

from tests.reliability.served_settings import *  # noqa: F403 -- settings are names

ROOT_URLCONF = "tests.bench.site_urls"
