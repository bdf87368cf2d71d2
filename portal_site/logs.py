"""Log events as JSON lines, with a second net under the secrets.

The first net is that secrets are never handed to a logger. This one catches what
a library might print: keys in the forms Tyk gives them (gateway source,
internal/crypto/token.go), Authorization headers and tokens of mailed links.
"""

import logging.config
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

SECRET_SHAPES = re.compile(
    r"[0-9a-f]{56}"  # org id and key, the older form
    r"|eyJvcmci[\w+/=-]{20,}"  # base64 of {"org": …, the newer form
    r"|(?i:authorization['\"]?\s*[:=]\s*['\"]?)\S+"
    # A mailed link's token, in the path of a 404 or a 405: each address that has one.
    r"|(?<=/confirm/)[^/\s\"'?]{20,}"
    r"|(?<=/password/reset/)[^/\s\"'?]{20,}"
    r"|(?<=/account/email/)[^/\s\"'?]{20,}"
    r"|(?<=/mails/stop/)[^/\s\"'?]{20,}"
)
SHOWN_INSTEAD = "[secret]"


def without_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: no value leaves with the shape of a secret."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = SECRET_SHAPES.sub(SHOWN_INSTEAD, value)
    # Django hands the whole request to its own events; its path may hold a token.
    event.pop("request", None)
    return event


def clean_line(_logger: object, _method: str, line: str) -> str:
    """The last processor: whatever else was rendered into the line."""
    return SECRET_SHAPES.sub(SHOWN_INSTEAD, line)


def configure(config: Mapping[str, Any]) -> None:
    """Django's LOGGING_CONFIG hook: one JSON line per event on stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_secrets,
    ]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.JSONRenderer(default=str),
                        clean_line,
                    ],
                }
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
                # To ADMINS, of whom there are none unless a deployment names some.
                "admins": {
                    "class": "portal_site.reports.MailToAdmins",
                    "level": "ERROR",
                    "filters": ["production"],
                },
            },
            "filters": {
                "production": {"()": "django.utils.log.RequireDebugFalse"},
            },
            "root": {"handlers": ["stderr"], "level": config["level"]},
            "loggers": {
                # In place of Django's own handlers, which quote paths with tokens.
                "django": {"level": "INFO", "handlers": ["admins"]},
                # Both print what they send at debug level: a mail's link is a secret.
                "django.db.backends": {"level": "INFO"},
                "django.core.mail": {"level": "INFO"},
            },
        }
    )
