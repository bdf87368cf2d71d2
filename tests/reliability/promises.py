"""What must hold: at every moment, and once all is quiet.

Compared are the portal's rows, the sandbox's own truth, and what people saw.
"""

from django.conf import settings
from django.db import connection
from django.db.models import Count

from developers.services import MARKER_FIELD
from keyrequests import holdings
from keyrequests.models import Key, KeyRequest, Mint
from tests.reliability.world import World
from tests.test_secrets import Haystack, database
from tyk import outbox
from tyk.models import Organisation, Outbox
from tyk.sandbox.truth import KeyRecord

_OPEN = [KeyRequest.Status.PENDING, KeyRequest.Status.APPROVED]
_GRANTED = [
    KeyRequest.Status.APPROVED,
    KeyRequest.Status.GRANTED,
    KeyRequest.Status.LAPSED,
]


def check_always(world: World) -> None:
    """Nothing is taken from anybody, and nothing shown twice, at no moment."""
    ended = world.ended_by_somebody()
    live = {key.id for key in world.keys_in_tyk()}
    _shown_once(world)
    assert {s.key_id for s in world.shown} - ended <= live, "a shown key was revoked"
    assert {s.key_id for s in world.by_hand} - ended <= live, "a stranger's key revoked"
    _nothing_without_approval(world)
    broken = Outbox.objects.filter(last_outcome__startswith="error:")
    assert list(broken.values_list("kind", "last_outcome")) == []
    assert connection.in_atomic_block is False


def _shown_once(world: World) -> None:
    raws = [seen.raw for seen in world.shown]
    assert len(raws) == len(set(raws)), "a key was shown twice"
    twice = Mint.objects.filter(state=Mint.State.SHOWN).values("key")
    assert not twice.annotate(n=Count("pk")).filter(n__gt=1).exists()


def _nothing_without_approval(world: World) -> None:
    for key in _ours(world):
        request = _request_of(key.marker or "")
        assert request.status in _GRANTED, "a key for a request nobody approved"


def _ours(world: World) -> list[KeyRecord]:
    """Live keys that carry a marker of ours and were not made by hand."""
    by_hand = {seen.key_id for seen in world.by_hand}
    ours = Organisation.current().marker("")
    return [
        key
        for key in world.keys_in_tyk()
        if key.id not in by_hand
        and (key.marker or "").startswith(ours)
        and key.marker not in world.twice
    ]


def _request_of(marker: str) -> KeyRequest:
    """The request behind a marker: its own, or that of a later mint."""
    code = marker.partition(".")[2]
    own = KeyRequest.objects.filter(code=code).first()
    return own or Mint.objects.get(code=code).request


def check_at_rest(world: World) -> None:
    """Both sides agree; nothing is under way, doubled, or forgotten."""
    check_always(world)
    _nothing_under_way()
    _every_live_key_was_shown(world)
    _tyk_requests_belong_to_somebody(world)
    _mirror_equals_tyk(world)
    _what_was_given_up_is_gone(world)
    _no_raw_key_at_rest(world)


def _nothing_under_way() -> None:
    unsure = Outbox.objects.exclude(sending_since=None, unsure_since=None)
    assert list(unsure.values_list("kind", "last_outcome")) == []
    unfinished = Mint.objects.filter(state__in=[Mint.State.SENDING, Mint.State.UNSURE])
    assert not unfinished.exists()
    # An audit goes on for a day.
    owed = outbox.due().exclude(kind="mint.audit")
    assert list(owed.values_list("kind", "last_outcome")) == []
    parked = Outbox.objects.exclude(parked_reason="")
    assert list(parked.values_list("kind", "parked_reason")) == []


def _every_live_key_was_shown(world: World) -> None:
    """At most one key per mint, and none that nobody could have seen."""
    shown = {
        holdings.id_of(mint.key)
        for mint in Mint.objects.filter(state=Mint.State.SHOWN).select_related("key")
        if mint.key is not None and mint.key.sealed_id is not None
    }
    live = [key.id for key in _ours(world)]
    assert set(live) <= shown, "a key that nobody saw is live"
    markers = [key.marker for key in _ours(world)]
    assert len(markers) == len(set(markers)), "two keys of one mint are live"


def _tyk_requests_belong_to_somebody(world: World) -> None:
    ours = Organisation.current().marker("")
    waiting = [
        (record["id"], str(record["fields"][MARKER_FIELD]))
        for record in world.box.requests()
        if not record["approved"]
        and str((record["fields"] or {}).get(MARKER_FIELD, "")).startswith(ours)
    ]
    expected = {
        row.tyk_id: Organisation.current().marker(row.code)
        for row in KeyRequest.objects.filter(
            status__in=_OPEN, tyk_state="pending", origin=KeyRequest.Origin.PORTAL
        )
    }
    assert sorted(waiting) == sorted(expected.items())


def _mirror_equals_tyk(world: World) -> None:
    developer = world.scene.developer
    here = Key.objects.filter(
        developer=developer, state__in=[Key.State.LIVE, Key.State.REVOKING]
    )
    there = {
        holdings.fingerprints(developer, key.id)[0]
        for key in world.box.keys_of(developer.tyk_id)
    }
    assert {key.fp for key in here} == there


def _what_was_given_up_is_gone(world: World) -> None:
    """A revoked key is refused by the gateway; any other one is accepted."""
    rows = Key.objects.filter(pk__in=world.given_up_rows, state=Key.State.REVOKED)
    ended = {holdings.id_of(key) for key in rows if key.sealed_id is not None}
    live = {key.id for key in world.keys_in_tyk()}
    assert ended & live == set(), "a revoked key still works"
    for seen in [*world.shown, *world.by_hand]:
        assert world.box.gateway_accepts(seen.raw) == (seen.key_id in live)


def _no_raw_key_at_rest(world: World) -> None:
    haystack = Haystack(database())
    seen = [*world.shown, *world.by_hand]
    assert [place for one in seen for place in haystack.found(one.raw)] == []
    assert haystack.found(str(settings.TYK_API_KEY)) == []
