"""Where a request or a key stands, in the words a developer reads. No network."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.timesince import timesince

from catalogue import words
from catalogue.models import Plan
from keyrequests.models import Event, Key, KeyRequest

Status = KeyRequest.Status
DecidedIn = KeyRequest.DecidedIn
Verb = Event.Verb


# --- Badges: kind and word -----------------------------------------------------
_REQUEST_BADGES = {
    Status.PENDING: ("wait", "In review"),
    Status.APPROVED: ("act", "Claim your key"),
    Status.GRANTED: ("ok", "Key claimed"),
    Status.DECLINED: ("stop", "Declined"),
    Status.WITHDRAWN: ("", "Withdrawn"),
    Status.LAPSED: ("stop", "Lapsed"),
}


def request_badge(request: KeyRequest) -> tuple[str, str]:
    """The badge of a request."""
    if request.status == Status.GRANTED and request.decided_in == DecidedIn.TYK:
        return "ok", "Key made"
    return _REQUEST_BADGES[Status(request.status)]


def key_badge(key: Key) -> tuple[str, str]:
    """The badge of a key; one that ends later says so in a template of its own."""
    if key.state == Key.State.REVOKING:
        return "wait", "Revoking: still live"
    if key.state == Key.State.REVOKED:
        return "stop", "Revoked"
    if key.state == Key.State.GONE:
        return "stop", "Ended"
    return "ok", "Active"


# --- Who decided ---
def decided(request: KeyRequest) -> str:
    """Who decided and when, for a colleague who comes second."""
    if request.status == Status.WITHDRAWN:
        return "The developer withdrew this request."
    verb = "declined" if request.status == Status.DECLINED else "approved"
    if request.decided_in == DecidedIn.TYK:
        return f"This was {verb} in the Tyk Dashboard."
    by = request.decided_by
    when = _when(request.decided_at) if request.decided_at else ""
    if by is not None and not by.name:
        # Not first in the sentence: an address keeps its own small letters.
        return f"This was {verb} by {by}{when}."
    return f"{by or 'The portal'} {verb} this{when}."


def _when(at: datetime) -> str:
    """ " 2 minutes ago" within the hour, else ", 21 Nov, 10:42 UTC"."""
    passed = timezone.now() - at
    if passed < timedelta(minutes=1):
        return " just now"
    if passed < timedelta(hours=1):
        return f" {timesince(at, depth=1)} ago".replace("\xa0", " ")
    return f", {at.astimezone(UTC):%-d %b, %H:%M} UTC"


# --- Where a request stands ------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Step:
    """One step of the track. `at` or, where there is no time, `note`."""

    name: str
    state: str = ""  # "done", "now", "bad" or "" for not yet
    at: datetime | None = None
    note: str = ""


def track(
    request: KeyRequest, *, claimed_at: datetime | None = None, takes: str = ""
) -> list[Step]:
    """Sent, in review, decided, key claimed: four steps whatever happened.

    `takes` is how long a review usually takes, in words.
    """
    sent = Step("Sent", "done", request.created_at)
    if request.status == Status.PENDING:
        review = Step("In review", "now", note=takes)
        approved = Step("Approved", note="we mail you")
        return [sent, review, approved, Step("Key claimed", note="you reveal it")]
    return [sent, _review(request), *_decided(request, claimed_at)]


def _review(request: KeyRequest) -> Step:
    if request.status == Status.WITHDRAWN:
        return Step("In review", note="stopped")
    automatic = request.decided_in == DecidedIn.RULE
    return Step("In review", "done", note="automatic" if automatic else "")


def _decided(request: KeyRequest, claimed_at: datetime | None) -> list[Step]:
    approved = Step("Approved", "done", request.decided_at)
    if request.status == Status.APPROVED:
        return [approved, Step("Key claimed", "now", note="your turn")]
    if request.status == Status.GRANTED:
        where = "" if claimed_at else "in the gateway dashboard"
        return [approved, Step("Key claimed", "done", claimed_at, where)]
    if request.status == Status.LAPSED:
        return [approved, Step("Lapsed", "bad", note="the key was not claimed")]
    name = "Declined" if request.status == Status.DECLINED else "Withdrawn"
    return [
        Step(name, "bad", request.decided_at),
        Step("Key claimed", note="not for this request"),
    ]


def decider(request: KeyRequest) -> str:
    """Who decided, as outsiders may know them: a name, never an address."""
    return (request.decided_by.name if request.decided_by else "") or "we"


# --- What happened ---------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Line:
    """One line of a history."""

    at: datetime
    words: str
    quote: str = ""


_BY_THE_PORTAL = {
    Verb.DELIVERED: "The request reached the key service",
    Verb.LAPSED: "The approval lapsed",
    Verb.UNSURE: "The key service did not answer in time",
    Verb.SETTLED: "We found out what had become of the key",
    Verb.FOUND: "The portal first saw this key",
    Verb.REVOKED: "The key was revoked",
}
_BY_SOMEBODY = {
    Verb.SENT: "sent the request",
    Verb.WITHDRAWN: "withdrew the request",
    Verb.CHANGED: "changed the request",
    Verb.CLAIMED: "claimed the key",
    Verb.REPLACED: "replaced the key",
    Verb.LEAKED: "reported that the key leaked",
    Verb.REVOKE_ASKED: "asked to revoke the key",
}


#: Whose notes the reader wrote.
_OWN_NOTES = {Verb.CHANGED, Verb.REPLACED}


def history(
    events: Iterable[Event], *, request: KeyRequest | None = None
) -> list[Line]:
    """`events` as the developer whose request or key it is may read them.

    Left out: refused decisions, and notes other than the reader's own and what a
    colleague wrote with a decision.
    """
    lines = []
    for event in events:
        said = _said(event, request)
        if said:
            own = event.verb in _OWN_NOTES and event.by_owner
            decided = event.verb in {Verb.APPROVED, Verb.DECLINED}
            quoted = own or (decided and event.actor)
            lines.append(Line(event.at, said, event.note if quoted else ""))
    return lines


def _said(event: Event, request: KeyRequest | None) -> str:
    verb = Verb(event.verb)
    if verb in _BY_THE_PORTAL:
        return _BY_THE_PORTAL[verb]
    if verb in _BY_SOMEBODY:
        return f"{'You' if event.by_owner else 'We'} {_BY_SOMEBODY[verb]}"
    if verb in {Verb.APPROVED, Verb.DECLINED} and request is not None:
        return _decision(event, request)
    return ""


def _decision(event: Event, request: KeyRequest) -> str:
    verb = event.get_verb_display()
    if event.actor:
        who = decider(request)
        return f"{who[0].upper()}{who[1:]} {verb}"
    # Approved here first and then once more in the gateway: only the last is that.
    if request.decided_in == DecidedIn.TYK and event.at == request.decided_at:
        return f"{verb.capitalize()} in the gateway dashboard"
    return f"{verb.capitalize()} automatically"


# --- What a key opens, and how -----------------------------------------------------
def limits(plan: Plan | None) -> list[tuple[str, str]]:
    """Rate, quota and renewal of a plan, for a list of facts."""
    if plan is None:
        return []
    by_api = words.limits_by_api(plan)
    if by_api:
        return list(by_api)
    pairs = [
        ("Rate", words.rate_words(plan)),
        ("Quota", words.quota_words(plan)),
        ("Resets", words.resets_words(plan)),
        ("Key lasts", words.key_lasts_words(plan)),
    ]
    return [(term, value) for term, value in pairs if value]


_SENT_AS = {
    "token": "Authorization header",
    "basic": "basic authentication",
    "oauth": "OAuth access token",
}


def sent_as(kind: str) -> str:
    """How a call carries the key, in two or three words."""
    return _SENT_AS.get(kind, "see the documentation")


#: What a shell calls the parts of a credential, in the order they are shown.
VARIABLES = {
    "token": ["API_KEY"],
    "basic": ["API_USER", "API_PASSWORD"],
    "oauth": ["CLIENT_ID", "CLIENT_SECRET"],
}


# --- What to do next -----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Next:
    """One of the steps that follow."""

    title: str
    text: str


CLAIM_STEPS = (
    Next("Reveal it", "The key is made at that moment and shown once."),
    Next("Save it", "Copy it into a password manager, or download it as a .env file."),
    Next("Send the first call", "A command that is ready to run comes with the key."),
)
SHOWN_STEPS = (
    Next(
        "Save the key",
        "Under its name, in a password manager or the secrets of your server.",
    ),
    Next("Send the first call", "The command here is ready to run."),
    Next("See it counted", "The page of the key shows its calls within minutes."),
)
#: By how many mails are still to come.
REMINDED = ("", "We remind you once more.", "We remind you twice.")
