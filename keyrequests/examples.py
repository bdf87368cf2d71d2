"""A first call that succeeds: to the API that a key opens, as its document has it."""

from collections.abc import Iterable

from catalogue import documents, samples, words
from catalogue.models import Entry
from catalogue.openapi import Outline
from keyrequests.models import Key
from portal_site import brand


def first_call(entry: Entry | None, kind: str) -> str:
    """A call from a shell to the API itself: its document tells where, if it has one."""
    document = documents.shown(entry) if entry else None
    outline: Outline | None = document.outline or None if document else None
    base = samples.base_url(outline, brand.current().api_url or "$API_URL")
    return words.curl(kind, samples.first_call(outline, base))


def first_call_with(keys: Iterable[Key]) -> str:
    """The same with the newest of `keys` that works, from `reads.keys_of`.

    Three queries or four, so for a page that has no calls to show yet.
    """
    key = next((key for key in keys if key.works), None)
    if key is None:
        return first_call(None, Key.Kind.TOKEN)
    return first_call(_entry_of(key), key.kind)


def _entry_of(key: Key) -> Entry | None:
    """The entry that was asked for, if the key opens it; else the first it opens."""
    opened = [policy.policy_id for policy in key.policies.all()]
    shown = Entry.objects.present().filter(shown=True, policy_id__in=opened)
    entries = list(shown.order_by("position", "pk"))
    asked = key.request.entry_id if key.request else None
    return next(
        (one for one in entries if one.pk == asked), entries[0] if entries else None
    )
