"""What a report of an error of ours may hold: where it happened, not what was in hand.

Django's technical page (DEBUG) and its mails to admins print every local variable of
every frame, and what was posted. Frames of a claim, of a login and of the libraries
below them hold keys, passwords and our Dashboard key; those of the client can't even
be marked for Django, which it does not know. So no value is printed, in no frame.
"""

import logging
import re
from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.log import AdminEmailHandler
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from portal_site.logs import SECRET_SHAPES, SHOWN_INSTEAD


class NothingInHand(SafeExceptionReporterFilter):
    """Names and types of variables, names of posted fields; with DEBUG, too."""

    # Django's own words, and the cookies: they sign people in.
    hidden_settings = re.compile(
        "API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|COOKIE|CSRF|URL", flags=re.IGNORECASE
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_safe_cookies(self, request: Any) -> dict[str, Any]:
        return dict.fromkeys(getattr(request, "COOKIES", {}), self.cleansed_substitute)

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        posted = {} if request is None else request.POST
        return dict.fromkeys(posted, self.cleansed_substitute)

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        held = tb_frame.f_locals.items()
        return {name: f"<{type(value).__name__}>" for name, value in held}.items()


class Report(ExceptionReporter):
    """Django's report, with the second net under secrets: a token stands in a path."""

    def get_traceback_html(self) -> SafeString:
        return _without_secrets(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        return _without_secrets(super().get_traceback_text())


class MailToAdmins(AdminEmailHandler):
    """Django's mail of an error; its subject and first line quote the path."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a report only if somebody gets it, and of errors alone.

        A 503 that a view chose tells that Tyk is away: one for each click of an outage
        would hold every web thread at the mail server, and staff have an alarm of it.
        """
        chosen = record.exc_info is None and getattr(record, "status_code", 0) == 503
        # Django looks for ADMINS itself, but not in a class with a send_mail of its own.
        if settings.ADMINS and not chosen:
            super().emit(record)

    def send_mail(self, subject: Any, message: Any, *args: Any, **kwargs: Any) -> None:
        # The HTML is a Report, and clean already.
        clean = (_without_secrets(subject), _without_secrets(message))
        super().send_mail(*clean, *args, **kwargs)


def _without_secrets(text: object) -> SafeString:
    """The same text, as safe for HTML as it was before."""
    return SafeString(SECRET_SHAPES.sub(SHOWN_INSTEAD, str(text)))
