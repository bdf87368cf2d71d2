"""Tyk → mirror: running one kind of pull, and the organisation's own settings."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone
from django.utils.module_loading import import_string

from tyk import connect, database, measured
from tyk.dashboard.errors import Call, DashboardError, Misconfigured, NotFound
from tyk.dashboard.records import Configuration
from tyk.models import CredentialState, Organisation, PullState

log = logging.getLogger(__name__)


@dataclass
class Pulled:
    """What one pull did; `held_back` says why something was not applied."""

    seen: int = 0
    changed: int = 0
    retired: int = 0
    bad: int = 0
    held_back: str = ""


SETTINGS = "configuration"
OTHER = "other_organisation"
_SETTINGS_CALL = Call("getPortalConfiguration", "GET", "/api/portal/configuration")


class WrongOrganisation(Misconfigured):
    """The Dashboard's key belongs to another organisation than this portal's."""


Pull = Callable[[], Pulled]


def run(kind: str) -> Pulled:
    """Pull `kind` and keep how it went in PullState.

    Raises DashboardError and, when our own database fails, `database.FAILURES`;
    that was logged and noted as far as may be, and the next pull makes it good.
    """
    pull: Pull = import_string(settings.PULLS[kind])
    try:
        PullState.objects.update_or_create(
            kind=kind, defaults={"started_at": timezone.now()}
        )
        if kind != SETTINGS:
            _refuse_beside_another_organisation()
        before = measured.tried()
        pulled = _pulled(pull, kind)
        # A pull that had nothing to ask says nothing of our key.
        _note_success(kind, pulled, asked=measured.tried() > before)
    except DashboardError as error:
        _note_failure(kind, error)
        raise
    except database.FAILURES as error:
        why = database.survived(f"pull {kind}", error)
        _note_error(kind, why)
        raise
    except Exception as error:
        # An alarm tells of it; else nobody hears that the mirror stands still.
        log.exception("pull broke", extra={"kind": kind})
        _note_error(kind, f"error: {type(error).__name__}")
        raise
    return pulled


def _pulled(pull: Pull, kind: str) -> Pulled:
    """Do it. Of two processes that mirror the same new rows at one moment, the later
    looks again, at what the earlier left."""
    try:
        return pull()
    except IntegrityError:
        log.info("pull met another", extra={"kind": kind})
        return pull()


def _note_success(kind: str, pulled: Pulled, *, asked: bool) -> None:
    if asked:
        connect.note_credential(CredentialState.ACCEPTED)
    PullState.objects.filter(kind=kind).update(
        completed_at=timezone.now(),
        seen=pulled.seen,
        changed=pulled.changed,
        retired=pulled.retired,
        bad=pulled.bad,
        held_back_reason=pulled.held_back[:200],
        last_error="",
    )


def _note_failure(kind: str, error: DashboardError) -> None:
    if isinstance(error, Misconfigured) and error.reason == "key_rejected":
        connect.note_credential(CredentialState.REJECTED)
    _note_error(kind, str(error))


def _note_error(kind: str, why: str) -> None:
    with suppress(*database.FAILURES):  # it was logged, and the next pull says it again
        PullState.objects.filter(kind=kind).update(last_error=why[:200])


def as_of(kind: str) -> datetime | None:
    """When the mirror of `kind` was last complete; None if never."""
    return (
        PullState.objects.filter(kind=kind)
        .values_list("completed_at", flat=True)
        .first()
    )


def configuration() -> Pulled:
    """Mirror the portal settings the organisation keeps in Tyk."""
    now = timezone.now()
    organisation = Organisation.current()
    try:
        record = connect.dashboard().configuration()
    except NotFound:
        return _no_settings(organisation)
    _refuse_other_organisation(organisation, record)
    wanted = organisation_values(record)
    changed = {
        name: value
        for name, value in wanted.items()
        if getattr(organisation, name) != value
    }
    if changed or organisation.read_at is None:
        Organisation.objects.filter(pk=organisation.pk).update(**changed, read_at=now)
    return Pulled(seen=1, changed=int(bool(changed)))


def _no_settings(organisation: Organisation) -> Pulled:
    """A Dashboard whose portal nobody has set up yet may say that it has none.

    Settings that were read once stand. Without any the defaults do, and Tyk counts
    as mailing keys until it says otherwise: then no key is made.
    """
    if organisation.read_at is not None:
        return Pulled(held_back="Tyk names no portal settings: those read last stand")
    rows = Organisation.objects.filter(pk=organisation.pk, key_mail_on=False)
    return Pulled(
        changed=rows.update(key_mail_on=True),
        held_back="no portal settings in Tyk yet: no key is made until there are some",
    )


def organisation_values(record: Configuration) -> dict[str, object]:
    return {
        "org_id": record.org_id or settings.TYK_ORG_ID,
        "hash_keys": record.hash_keys,
        "signup_fields": list(record.signup_fields),
        "key_request_fields": list(record.key_request_fields),
        "require_key_approval": record.require_key_approval,
        "disable_signup": record.disable_signup,
        "catalogue_login_only": record.catalogue_login_only,
        "key_mail_on": record.key_mail_on,
        "secure_approval_on": record.secure_key_approval,
        "manager_email": record.email,
    }


def _refuse_other_organisation(
    organisation: Organisation, record: Configuration
) -> None:
    """Another organisation's data never enters: a mirror of two can't be undone."""
    expected = settings.TYK_ORG_ID or organisation.org_id
    if expected and record.org_id and record.org_id != expected:
        raise WrongOrganisation(_SETTINGS_CALL, reason=OTHER)


def _refuse_beside_another_organisation() -> None:
    """Policies and entries don't say whose they are: the settings, read first, do."""
    told = PullState.objects.filter(kind=SETTINGS, last_error__contains=OTHER)
    if told.exists():
        raise WrongOrganisation(_SETTINGS_CALL, reason=OTHER)
