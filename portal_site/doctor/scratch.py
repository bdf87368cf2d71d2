"""What Tyk does with a record of ours, tried on a developer made and deleted for it.

Does our marker survive? What the portal creates carries one in its fields; after a
lost answer it tells our record from a stranger's, and a Dashboard that drops it takes
the ground from under that.

Does the password? Tyk keeps it when a record is put back without one (Tyk docs, "Build
a custom developer portal"). A Dashboard that empties it instead would lock out every
developer who edits their profile, so the portal then refuses edits.
"""

import secrets
from collections.abc import Iterator
from uuid import uuid4

from django.conf import settings

from developers.services import MARKER_FIELD
from portal_site.doctor.findings import Finding, bad, good, skipped
from tyk.dashboard.client import Dashboard
from tyk.dashboard.errors import DashboardError, NotFound
from tyk.dashboard.secret import Secret
from tyk.models import Organisation

NAME, PASSWORDS = "markers", "passwords"
TRIED_FIELD = "portal_doctor"


def findings(client: Dashboard) -> Iterator[Finding]:
    """Create, read back, compare, write, prove, delete; they say what was done."""
    email = f"portal-doctor-{secrets.token_hex(6)}@example.invalid"
    password = Secret(secrets.token_urlsafe(24))
    marker = Organisation.current().marker(uuid4())
    made: str | None = None
    try:
        made = client.create_developer(
            email=email, password=password, fields={MARKER_FIELD: marker}
        )
        record = client.developer(made) if made else client.developer_by_email(email)
    except DashboardError as error:
        yield _not_read(client, email, made, error)
        yield skipped(PASSWORDS, "no scratch developer was made.")
        return
    kept = record.fields.get(MARKER_FIELD) == marker
    found = passwords(client, made or record.id, email, password)
    left = _deleted(client, made or record.id)
    yield _told(email, kept=kept, left=left)
    yield found


def passwords(
    client: Dashboard, developer_id: str, email: str, password: Secret
) -> Finding:
    """Whether a write without a password leaves it alone; kept for the portal."""
    try:
        before = client.verify_credentials(email=email, password=password)
        raw = client.raw_developer(developer_id)
        if not before or raw.record.email != email:
            return skipped(PASSWORDS, "the scratch developer could not be used.")
        client.update_developer(developer_id, raw.merged(fields={TRIED_FIELD: "1"}))
        after = client.verify_credentials(email=email, password=password)
    except DashboardError as error:
        return skipped(PASSWORDS, f"it could not be tried ({error}).")
    Organisation.objects.filter(pk=1).update(loses_passwords=not after)
    return _told_of_passwords(kept=after)


def _told_of_passwords(*, kept: bool) -> Finding:
    if kept:
        return good(PASSWORDS, "A record put back without its password keeps it.")
    sentence = "Tyk empties the password of a record that is put back without one."
    if settings.EDITS_ACCEPT_LOST_PASSWORDS:
        return good(PASSWORDS, f"{sentence} EDITS_ACCEPT_LOST_PASSWORDS accepts it.")
    return bad(
        PASSWORDS,
        f"{sentence} Developers cannot edit their profile or address here; whom you "
        "switch on or off needs a new password by mail.",
        "Update the Dashboard. Or set EDITS_ACCEPT_LOST_PASSWORDS=true, if it is all "
        "right that an edit ends in a mailed link to a new password.",
    )


def _not_read(
    client: Dashboard, email: str, made: str | None, error: DashboardError
) -> Finding:
    """It may have been made all the same: look, and delete what is there."""
    try:
        left = _deleted(client, made or client.developer_by_email(email).id)
    except NotFound:
        left = ""
    except DashboardError as unclear:
        left = str(unclear)
    if left:
        return bad(
            NAME,
            f"The scratch developer {email} was not read back ({error}) and may be "
            "in Tyk.",
            f"Delete {email} in the Dashboard if it is there.",
        )
    return bad(
        NAME,
        f"A scratch developer could not be made and read back ({error}); none is left.",
        "Give the user of the key write access to Portal in the Dashboard.",
    )


def _deleted(client: Dashboard, developer_id: str) -> str:
    """Delete the scratch developer; "" or why it may still be there."""
    try:
        client.delete_developer(developer_id)
    except NotFound:
        return ""
    except DashboardError as error:
        return str(error)
    return ""


def _told(email: str, *, kept: bool, left: str) -> Finding:
    if left:
        return bad(
            NAME,
            f"The scratch developer {email} was made and could not be deleted: {left}.",
            f"Delete {email} in the Dashboard.",
        )
    did = f"The scratch developer {email} was made, read back and deleted"
    if not kept:
        return bad(
            NAME,
            f"{did}: Tyk dropped our marker from its fields.",
            "Do not go on: without markers a lost answer cannot be settled. Does a "
            "proxy or plugin rewrite the Dashboard's bodies?",
        )
    return good(NAME, f"{did}: our marker survives.")
