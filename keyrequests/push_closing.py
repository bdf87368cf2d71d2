"""Outbox handler: a closed account leaves Tyk too, and then is forgotten here."""

import logging
from contextlib import suppress

from developers import pull as people
from developers.models import Developer
from keyrequests import closing
from tyk.connect import dashboard
from tyk.dashboard import records
from tyk.dashboard.errors import NotFound, Refused
from tyk.outbox import Job, Later

log = logging.getLogger(__name__)

SOON = 10.0  # seconds; keys and requests of the account go first, each in its turn
MAIL_SOON = 60.0


def close_developer(job: Job) -> None:
    """Subject: Developer.code. Whatever was done already is not done again.

    The developer is deleted and not only switched off: that is what closing means to
    the person, `inactive` ends no key in Tyk (Tyk docs, Developer Portal), and the
    address is free for a new account. Keys go first, since Tyk does not delete a
    developer whose keys the gateway doesn't know (TykTechnologies/tyk#4380).
    """
    developer = Developer.objects.get(code=job.subject)
    if developer.closed_at is None or developer.erased_at is not None:
        return
    closing.end_access(developer)
    why = closing.waits_for(developer)
    if why:
        raise Later(SOON, why)
    _delete(developer)
    if not closing.is_told(developer):
        raise Later(MAIL_SOON, "waits for the farewell to be sent")
    closing.erase(developer)
    log.info("account closed", extra={"developer": str(developer.code)})


def _delete(developer: Developer) -> None:
    """Delete it in Tyk. "Not found" is believed once a look says so, too."""
    record = people.read(developer.tyk_id)
    if record is not None:
        _revoke_what_is_left(record)
    try:
        # Also where a look found nobody: it may lag behind.
        dashboard().delete_developer(developer.tyk_id)
    except (NotFound, Refused) as error:
        if not people.says_absent(error):
            raise
        if record is not None and people.read(developer.tyk_id) is not None:
            raise Later(SOON, "Tyk deletes no such developer, and lists it") from None
    people.mark_gone(developer.tyk_id)


def _revoke_what_is_left(record: records.Developer) -> None:
    """Keys that no pull has told us of; twice does no harm."""
    clients = {one.client_id for some in record.oauth_clients.values() for one in some}
    for key_id in sorted({*record.keys, *record.subscriptions.values()}):
        with suppress(NotFound):
            dashboard().revoke_key(record.id, key_id)
    for client_id in sorted(clients):
        with suppress(NotFound):
            dashboard().delete_oauth_client(client_id)
