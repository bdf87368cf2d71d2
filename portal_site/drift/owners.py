"""Whose a field is, and so whose value may stand where the two differ.

Tyk owns what is only read here. The portal owns its markers, the wishes that are
on their way, and the revocation of a key. What both may write is both's: the
profile and whether an account is on.
"""

from developers.services import FIELD, INACTIVE

TYKS, OURS, BOTH = "Tyk", "portal", "both"

ORGANISATION, PLAN, ENTRY = "organisation", "plan", "entry"
DEVELOPER, KEY, REQUEST = "developer", "key", "key request"

# By its owner alone, from the new mailbox: either side may hold the later one.
ADDRESS = "email"
NAME = "name"  # the mirror's column for the custom field "Name"


def owner_of(kind: str, field: str) -> str:
    """Whose this field is where no wish or marker of ours says otherwise."""
    if kind != DEVELOPER:
        return TYKS
    written_here = field in {ADDRESS, NAME, INACTIVE} or field.startswith(FIELD)
    return BOTH if written_here else TYKS
