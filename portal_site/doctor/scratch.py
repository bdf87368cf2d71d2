"""Does our marker survive in Tyk? Tried on a developer made and deleted for it.

What the portal creates carries a marker in its fields; after a lost answer the
marker tells our record from a stranger's. A Dashboard that drops it takes the
ground from under that.
"""

import secrets
from uuid import uuid4

from developers.services import MARKER_FIELD
from portal_site.doctor.findings import Finding, bad, good
from tyk.dashboard.client import Dashboard
from tyk.dashboard.errors import DashboardError, NotFound
from tyk.dashboard.secret import Secret
from tyk.models import Organisation

NAME = "markers"


def markers(client: Dashboard) -> Finding:
    """Create, read back, compare, delete; the finding says what was done."""
    email = f"portal-doctor-{secrets.token_hex(6)}@example.invalid"
    marker = Organisation.current().marker(uuid4())
    made: str | None = None
    try:
        made = client.create_developer(
            email=email,
            password=Secret(secrets.token_urlsafe(24)),
            fields={MARKER_FIELD: marker},
        )
        record = client.developer(made) if made else client.developer_by_email(email)
    except DashboardError as error:
        return _not_read(client, email, made, error)
    kept = record.fields.get(MARKER_FIELD) == marker
    left = _deleted(client, made or record.id)
    return _told(email, kept=kept, left=left)


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
            "Do not go on: without markers a lost answer can not be settled. Does a "
            "proxy or plugin rewrite the Dashboard's bodies?",
        )
    return good(NAME, f"{did}: our marker survives.")
