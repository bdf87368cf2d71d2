"""Every setting of the portal, read from the environment (then `.env`).

`make run` fills in what a first start needs. Anywhere else a missing secret stops
the start with a sentence: no default here would be unsafe on the internet.
README.md lists every variable.
"""

import os
from datetime import timedelta
from pathlib import Path

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal_site import swagger_ui
from portal_site.environment import Environment, Redacted, host_of

# Lets `ModelAdmin[KeyRequest]` and its like stand in code as in types.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(Path(os.environ.get("DOTENV", BASE_DIR / ".env")))

# --- Where we are ------------------------------------------------------------
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / ".run"))).resolve()
PORTAL_BASE_URL = env.needed(
    "PORTAL_BASE_URL", "Set it to the portal's address: mails link to it."
).rstrip("/")
_HOST = host_of(PORTAL_BASE_URL)
_HTTPS = PORTAL_BASE_URL.startswith("https://")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", _HOST)
TRUSTED_PROXY_COUNT = env.whole("TRUSTED_PROXY_COUNT", 0)
DEBUG = env.flag("DEBUG", default=False)

# --- Secrets -------------------------------------------------------------------
SECRET_KEY = Redacted(
    env.needed("SECRET_KEY", "Generate 50 random characters and keep them.")
)
SECRET_KEY_FALLBACKS = [Redacted(k) for k in env.words("SECRET_KEY_FALLBACKS")]
# First seals, all unseal: rotate by putting a new one in front.
SEAL_KEYS = env.keys(
    "SEAL_KEYS", "Generate 32 random bytes as hex; key ids are sealed with it."
)

# --- Tyk -------------------------------------------------------------------------
TYK_DASHBOARD_URL = env.needed(
    "TYK_DASHBOARD_URL", "Set it to the Dashboard's address, without /api."
)
TYK_API_KEY = Redacted(
    env.needed(
        "TYK_API_KEY",
        "It is in the Dashboard: Users, Edit, Tyk Dashboard API Access Credentials.",
    )
)
TYK_API_KEY_NEXT = env.secret("TYK_API_KEY_NEXT")
TYK_ORG_ID = env.text("TYK_ORG_ID")
TYK_VERIFY_TLS = env.text("TYK_CA_BUNDLE") or True
# Of the whole portal: each of its web and worker processes gets an equal part.
TYK_CALLS_IN_FLIGHT = env.whole("TYK_CALLS_IN_FLIGHT", 8)
TYK_CALLS_KEPT_FOR_LOGIN = env.whole("TYK_CALLS_KEPT_FOR_LOGIN", 4)
PORTAL_PROCESSES = env.whole("PORTAL_PROCESSES", 4)
if not 1 <= PORTAL_PROCESSES <= TYK_CALLS_IN_FLIGHT:
    raise ImproperlyConfigured(
        f"TYK_CALLS_IN_FLIGHT is {TYK_CALLS_IN_FLIGHT} and PORTAL_PROCESSES is "
        f"{PORTAL_PROCESSES}: each process needs at least one call."
    )
# Calls without an answer, in a row, until a process stops asking for 9 to 15
# seconds; 0: it never stops. Two: of two web processes, with two calls each, four
# people wait for a Dashboard that begins to hang, and the fifth is told at once.
TYK_BREAKER_AFTER = env.whole("TYK_BREAKER_AFTER", 2)
# Wall-clock seconds from connect to the last byte.
TYK_CONNECT_TIMEOUT = env.number("TYK_CONNECT_TIMEOUT", 1.0)
TYK_LOGIN_DEADLINE = env.number("TYK_LOGIN_DEADLINE", 5.0)
TYK_PASSWORD_DEADLINE = env.number("TYK_PASSWORD_DEADLINE", 8.0)
TYK_CLAIM_DEADLINE = env.number("TYK_CLAIM_DEADLINE", 10.0)
TYK_WRITE_DEADLINE = env.number("TYK_WRITE_DEADLINE", 20.0)
TYK_READ_DEADLINE = env.number("TYK_READ_DEADLINE", 30.0)
# Of a list: the wait for its next record, and the whole of it.
TYK_LISTING_IDLE = env.number("TYK_LISTING_IDLE", 30.0)
TYK_LISTING_DEADLINE = env.number("TYK_LISTING_DEADLINE", 1200.0)

# --- Outbox and pulls (seconds) ------------------------------------------------
OUTBOX_LEASE = env.number("OUTBOX_LEASE", 90)
OUTBOX_QUARANTINE = env.number("OUTBOX_QUARANTINE", 90)
OUTBOX_SWEEP_EVERY = env.number("OUTBOX_SWEEP_EVERY", 10)
OUTBOX_BACKOFF_MAX = env.number("OUTBOX_BACKOFF_MAX", 300)
OUTBOX_ATTEMPTS = env.whole("OUTBOX_ATTEMPTS", 8)
OUTBOX_KEPT_DAYS = env.whole("OUTBOX_KEPT_DAYS", 30)  # what is done, for the desk
PULL_EVERY = env.number("PULL_EVERY", 60)
PULL_DEVELOPERS_EVERY = env.number("PULL_DEVELOPERS_EVERY", 3600)
PULL_REQUESTS_EVERY = env.number("PULL_REQUESTS_EVERY", 86400)
RECENT_DEVELOPER_WINDOW = env.number("RECENT_DEVELOPER_WINDOW", 900)
CLAIM_LEASE = env.number("CLAIM_LEASE", 60)
CLAIM_ACCEPTS_KEY_MAIL = env.flag("CLAIM_ACCEPTS_KEY_MAIL", default=False)
# Where Tyk empties the password of a record that is put back without one.
EDITS_ACCEPT_LOST_PASSWORDS = env.flag("EDITS_ACCEPT_LOST_PASSWORDS", default=False)
APPROVAL_DAYS = env.whole("APPROVAL_DAYS", 90)
USAGE_KEYS_A_RUN = env.whole("USAGE_KEYS_A_RUN", 200)  # a run each PULL_EVERY
USAGE_DAYS = env.whole("USAGE_DAYS", 400)  # how long usage by day is kept
# With key hashing off in Tyk, reading usage writes raw keys into addresses.
USAGE_ACCEPTS_CLEAR_KEYS = env.flag("USAGE_ACCEPTS_CLEAR_KEYS", default=False)

# Which function makes both sides agree, by kind of outbox row.
OUTBOX_HANDLERS = {
    "mail.sign_up": "developers.push.mail_sign_up",
    "mail.reset": "developers.push.mail_reset",
    "mail.password_changed": "developers.push.mail_password_changed",
    "mail.account_active": "developers.push.mail_account_active",
    "mail.new_address": "developers.push.mail_new_address",
    "mail.address_changed": "developers.push.mail_address_changed",
    "mail.account_closed": "developers.push_account.mail_account_closed",
    "developer.profile": "developers.push.profile",
    "developer.picture": "developers.push_account.picture",
    "developer.close": "keyrequests.push_closing.close_developer",
    "developer.keys_lost": "developers.push.keys_lost",
    "developer.twin": "developers.push_twins.look",
    "request.create": "keyrequests.push_requests.create_request",
    "request.delete": "keyrequests.push_requests.delete_request",
    "request.amend": "keyrequests.push_asked.amend_request",
    "mint.settle": "keyrequests.push.settle",
    "mint.audit": "keyrequests.push.audit",
    "key.revoke": "keyrequests.push.revoke_key",
    "key.policies": "keyrequests.push_keys.change_policies",
    "key.quota": "keyrequests.push_keys.reset_quota",
    "mail.request_received": "keyrequests.mail.request_received",
    "mail.to_review": "keyrequests.mail.to_review",
    "mail.approved": "keyrequests.mail.approved",
    "mail.declined": "keyrequests.mail.declined",
    "mail.approval_reminder": "keyrequests.reminders.remind",
    "mail.granted_in_tyk": "keyrequests.mail.granted_in_tyk",
    "mail.key_revoked": "keyrequests.mail.key_revoked",
    "mail.key_leaked": "keyrequests.mail.key_leaked",
    "mail.quota": "keyrequests.quota_mails.near",
    "mail.service_back": "keyrequests.mail_back.service_back",
    "drift.decision": "portal_site.drift.decisions.carry_out",
    "mail.alarm": "portal_site.alarms.raised",
    "mail.alarm_over": "portal_site.alarms.over",
}
# What each kind is called on the operators' desk, and what giving it up leaves.
OUTBOX_DESKS = [
    "developers.desk.WORK",
    "keyrequests.desk.WORK",
    "portal_site.desk.WORK",
]
# What is pulled, in this order: later ones refer to rows of earlier ones.
PULLS = {
    "configuration": "tyk.pull.configuration",
    "policies": "catalogue.pull.policies",
    "catalogue": "catalogue.pull.catalogue",
    "documents": "catalogue.pull.documents",
    "developers": "keyrequests.pull.developers",
    "requests": "keyrequests.pull.requests",
    "pending": "keyrequests.pull.pending_requests",
    "recent": "keyrequests.pull.recent_developers",
    "usage": "keyrequests.pull.usage.usage",
}

# --- People ------------------------------------------------------------------------
SIGNUP_REVIEW = env.flag("SIGNUP_REVIEW", default=False)
LIMITS_SCALE = env.number("LIMITS_SCALE", 1.0)
CONFIRM_LINK_SECONDS = env.whole("CONFIRM_LINK_SECONDS", 24 * 3600)
RESET_LINK_SECONDS = env.whole("RESET_LINK_SECONDS", 30 * 60)
# Asked by the portal itself, for developers who allow it; never by a browser.
GRAVATAR_URL = "https://gravatar.com/avatar"
AUTH_USER_MODEL = "developers.User"
AUTHENTICATION_BACKENDS = [
    "developers.backends.TykBackend",
    "developers.backends.StaffBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "developers.passwords.NotYourNameValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "developers:login"
LOGIN_REDIRECT_URL = "catalogue:list"

# --- Brand -------------------------------------------------------------------------
BRAND_NAME = env.text("BRAND_NAME", "Northwind APIs")
BRAND_COMPANY = env.text("BRAND_COMPANY", "Northwind")
BRAND_COLOUR = env.text("BRAND_COLOUR", "#0b6e6e")
BRAND_LOGO = env.text("BRAND_LOGO")  # a file; empty: a mark from the initial
BRAND_RADIUS = env.whole("BRAND_RADIUS", 5)
BRAND_TAGLINE = env.text("BRAND_TAGLINE", "The APIs behind every Northwind order.")
BRAND_LEAD = env.text(
    "BRAND_LEAD",
    "The same interfaces our own shops and warehouses run on. Read the "
    "documentation first, ask for access when it fits.",
)
BRAND_SUPPORT_EMAIL = env.text("BRAND_SUPPORT_EMAIL", f"api-support@{_HOST}")
# Whom to tell of a hole, in /.well-known/security.txt; empty: the support address.
SECURITY_CONTACT = env.text("SECURITY_CONTACT")
# Comma-separated, each a label, "=" and an address.
BRAND_FOOTER_LINKS = env.words("BRAND_FOOTER_LINKS")
# Where developers send calls; used in code samples.
BRAND_API_URL = env.text("BRAND_API_URL", "https://api.northwind.example").rstrip("/")
# How old a process's knowledge of which version staff published may be.
BRAND_FRESH_SECONDS = env.number("BRAND_FRESH_SECONDS", 1.0)
# What the company promises wherever a person decides on a request.
BRAND_REVIEW_TAKES = env.text("BRAND_REVIEW_TAKES", "about 1 working day")

# How long a visitor's page of the catalogue and the usual wait for a decision may be
# kept in a process; a change shows at once anyway. 0: keep nothing.
CATALOGUE_KEEP_SECONDS = env.whole("CATALOGUE_KEEP_SECONDS", 600)

# --- Django ------------------------------------------------------------------------
INSTALLED_APPS = [
    "portal_site.apps.PortalSiteConfig",
    "tyk.apps.TykConfig",
    "developers.apps.DevelopersConfig",
    "catalogue.apps.CatalogueConfig",
    "keyrequests.apps.KeyRequestsConfig",
    "portal_site.apps.StaffSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
]
MIDDLEWARE = [
    "portal_site.middleware.ReferenceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "portal_site.brand_preview.BrandMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal_site.middleware.PrivatePagesMiddleware",
    "portal_site.middleware.NotAllowedPageMiddleware",
]
ROOT_URLCONF = "portal_site.urls"
WSGI_APPLICATION = "portal_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal_site.context.portal",
            ],
        },
    },
    # Mails apart from pages: no request is near, and tests make an undefined
    # variable an error, which the admin's own templates would not stand.
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "NAME": "mails",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
    },
]

DATABASES = {
    "default": env.database("DATABASE_URL", f"sqlite:///{DATA_DIR}/portal.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# No translations yet: "en-gb" only sets spelling and date order.
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "portal_site.locale_formats"  # how dates read

STATIC_URL = "static/"
# The viewer of API documents: files of a package that is never imported.
STATICFILES_DIRS = [("swagger-ui", swagger_ui.FOLDER)]
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(DATA_DIR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

SESSION_ENGINE = "developers.session_store"
SESSION_COOKIE_AGE = env.whole("SESSION_SECONDS", 12 * 3600)
SESSION_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PORTAL_BASE_URL]
CSRF_FAILURE_VIEW = "portal_site.views.csrf_failure"
# Neither the page with DEBUG nor a mail to admins may print what a frame held.
DEFAULT_EXCEPTION_REPORTER = "portal_site.reports.Report"
DEFAULT_EXCEPTION_REPORTER_FILTER = "portal_site.reports.NothingInHand"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=_HTTPS)
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = env.whole("SECURE_HSTS_SECONDS", 31_536_000 if _HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag(
    "SECURE_HSTS_INCLUDE_SUBDOMAINS", default=_HTTPS
)
SECURE_HSTS_PRELOAD = env.flag("SECURE_HSTS_PRELOAD", default=_HTTPS)
# Not "no-referrer": browsers then send "Origin: null" with every form, and the CSRF
# check refuses it.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
)
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

vars().update(
    env.email(
        "EMAIL_URL",
        "Use smtp+tls://user:password@host:587, or filemail:////abs/dir for files.",
    )
)
EMAIL_TIMEOUT = env.number("EMAIL_TIMEOUT", 10)
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", f"{BRAND_NAME} <no-reply@{_HOST}>")
# Who hears of requests to review; empty: every active staff member who may decide.
REVIEW_MAIL_TO = env.addresses("REVIEW_MAIL_TO")
# Who hears of alarms; empty: every active staff member who may mend the outbox.
ALARM_MAIL_TO = env.addresses("ALARM_MAIL_TO")
ALARM_EVERY = env.number("ALARM_EVERY", 60)
ALARM_STALE = env.number("ALARM_STALE", 900)  # a pull so long overdue is told of
ALARM_SETTLES = env.number("ALARM_SETTLES", 120)  # well for so long, and it is over

# --- Celery ------------------------------------------------------------------------
REDIS_URL = Redacted(env.needed("REDIS_URL", "It is the broker."))
REDIS_PREFIX = env.text("REDIS_PREFIX")  # of every name there
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 3600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Celery would put its own handlers in place of ours, without the net for secrets.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
# A web request must not wait for a sick broker: the sweep finds the row anyway.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 5,
    "max_retries": 0,
    "interval_start": 0,
    "global_keyprefix": REDIS_PREFIX,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep the outbox": {
        "task": "tyk.tasks.drain_outbox",
        "schedule": timedelta(seconds=OUTBOX_SWEEP_EVERY),
        "options": {"expires": OUTBOX_SWEEP_EVERY},
    },
    "watch for alarms": {
        "task": "tyk.tasks.watch_for_alarms",
        "schedule": timedelta(seconds=ALARM_EVERY),
        "options": {"expires": ALARM_EVERY},
    },
    "forget old usage": {
        "task": "keyrequests.tasks.forget_usage",
        "schedule": timedelta(hours=6),
    },
    "lapse old approvals": {
        "task": "keyrequests.tasks.lapse_approvals",
        "schedule": timedelta(hours=1),
    },
    "remind of approvals": {
        "task": "keyrequests.tasks.remind_of_approvals",
        "schedule": timedelta(hours=1),
    },
    "forget what ran out": {
        "task": "developers.tasks.tidy",
        "schedule": timedelta(hours=6),
    },
    "forget what was done": {
        "task": "tyk.tasks.tidy",
        "schedule": timedelta(hours=6),
    },
    # What staff asked for: should its message be lost, or its worker die.
    **{
        f"look: {kind}": {
            "task": "portal_site.tasks.look",
            "args": [kind],
            "schedule": timedelta(seconds=PULL_EVERY),
            "options": {"expires": PULL_EVERY},
        }
        for kind in ("drift", "doctor")
    },
    **{
        f"pull {kind}": {
            "task": "tyk.tasks.pull",
            "args": [kind],
            "schedule": timedelta(seconds=seconds),
            "options": {"expires": seconds},
        }
        for kind, seconds in (
            ("configuration", PULL_EVERY),
            ("policies", PULL_EVERY),
            ("catalogue", PULL_EVERY),
            ("documents", PULL_EVERY),
            ("pending", PULL_EVERY),
            ("recent", PULL_EVERY),
            ("usage", PULL_EVERY),
            ("developers", PULL_DEVELOPERS_EVERY),
            ("requests", PULL_REQUESTS_EVERY),
        )
    },
}

# --- Logs --------------------------------------------------------------------------
LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
LOGGING_CONFIG = "portal_site.logs.configure"
LOGGING = {"level": LOG_LEVEL}
# Who may read /metrics; empty: nobody, there is no such page.
METRICS_TOKEN = env.secret("METRICS_TOKEN")
