"""What the developer's pages read from the mirror. No network."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from catalogue.models import Entry
from developers.models import Developer
from keyrequests import services
from keyrequests.errors import AccessError, BeingDelivered, BeingMade
from keyrequests.models import Key, KeyPolicy, KeyRequest, Mint, RequestedPlan

Status = KeyRequest.Status
WORKING = [Key.State.LIVE, Key.State.REVOKING]
UNFINISHED = {Mint.State.SENDING, Mint.State.UNSURE}


# --- Requests --------------------------------------------------------------------
def requests_of(developer: Developer) -> QuerySet[KeyRequest]:
    """Newest first, with plans; two queries."""
    plans = RequestedPlan.objects.select_related("plan")
    return (
        KeyRequest.objects.of(developer)
        .select_related("entry", "decided_by")
        .prefetch_related(Prefetch("plans", plans))
        .order_by("-created_at", "-pk")
    )


def open_left(developer: Developer) -> int:
    """How many more may be open at once; one query."""
    asked = RequestedPlan.objects.filter(
        developer=developer, open=True, origin=KeyRequest.Origin.PORTAL
    )
    return max(0, services.MOST_OPEN_REQUESTS - asked.count())


# --- Claims ----------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ClaimState:
    """What the claim page has to say.

    "ready" to be revealed · "delivering" to the key service · "checking" what
    became of a key · "closed" for the reason in `sentence` · "shown" by `mint` ·
    "elsewhere" than here · "undecided" or ended: the request page tells.
    """

    name: str
    sentence: str = ""
    mint: Mint | None = None


def claim_state(request: KeyRequest) -> ClaimState:
    """Where the claim of `request` stands; at most five queries."""
    mints = list(request.mints.select_related("key").order_by("-started_at", "-pk"))
    unfinished = next((m for m in mints if m.state in UNFINISHED), None)
    if unfinished is not None:
        return ClaimState("checking", str(BeingMade()), unfinished)
    shown = next((m for m in mints if m.state == Mint.State.SHOWN), None)
    if shown is not None:
        return ClaimState("shown", mint=shown)
    if request.status not in {Status.APPROVED, Status.GRANTED}:
        return ClaimState("undecided")
    return _open_claim(request, mints[0] if mints else None)


def _open_claim(request: KeyRequest, last: Mint | None) -> ClaimState:
    name = "ready" if request.status == Status.APPROVED else "elsewhere"
    try:
        services.refuse_claim(request)
    except BeingDelivered as error:
        return ClaimState("delivering", str(error))
    except AccessError as error:
        return ClaimState("closed", str(error))
    return ClaimState(name, mint=last)


# --- Keys ------------------------------------------------------------------------
def keys_of(developer: Developer) -> QuerySet[Key]:
    """Newest first, with policies, plans and the entries' names; two queries."""
    entries = Entry.objects.present().filter(plan=OuterRef("plan"))
    entries = entries.order_by("-shown", "position", "pk")
    shown = entries.filter(shown=True, keyless=False)
    policies = (
        KeyPolicy.objects.select_related("plan")
        .annotate(
            entry_name=Subquery(entries.values("name")[:1]),
            ask_slug=Subquery(shown.values("slug")[:1]),
        )
        .order_by("pk")
    )
    return (
        Key.objects.filter(developer=developer)
        .prefetch_related(Prefetch("policies", policies))
        .order_by("-created_at", "-pk")
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """How many keys there are, and how many of them still work."""

    every: int
    working: int

    @property
    def ended(self) -> int:
        return self.every - self.working


def tally(developer: Developer) -> Tally:
    """One query."""
    counted = Key.objects.filter(developer=developer).aggregate(
        every=Count("pk"), working=Count("pk", filter=Q(state__in=WORKING))
    )
    return Tally(counted["every"], counted["working"])


def last_replacement(key: Key) -> Mint | None:
    """The last attempt to replace `key`, with the key it made; one query."""
    mints = Mint.objects.filter(replaces=key).select_related("key")
    return mints.order_by("-started_at", "-pk").first()


# --- What waits for me -------------------------------------------------------------
@dataclass(frozen=True)
class Waiting:
    """What a developer's home shows first."""

    to_claim: list[KeyRequest]
    in_review: list[KeyRequest]
    keys: list[Key]
    ended: list[Key]  # within the last days: their calls still count

    @property
    def gone(self) -> Key | None:
        """The last that ended without anybody here having asked for it."""
        gone = [key for key in self.ended if key.state == Key.State.GONE]
        return max(gone, key=lambda key: key.ended_at or key.created_at, default=None)


def waiting_for(developer: Developer) -> Waiting:
    """Open requests and working keys of `developer`; three queries."""
    lately = timezone.now() - timedelta(days=8)
    requests = list(
        KeyRequest.objects.of(developer)
        .filter(status__in=[Status.PENDING, Status.APPROVED])
        .order_by("-created_at")
    )
    keys = list(
        keys_of(developer).filter(Q(state__in=WORKING) | Q(ended_at__gte=lately))
    )
    return Waiting(
        to_claim=[r for r in requests if r.status == Status.APPROVED],
        in_review=[r for r in requests if r.status == Status.PENDING],
        keys=[key for key in keys if key.works],
        ended=[key for key in keys if not key.works],
    )


# --- Keys by API -------------------------------------------------------------------
OTHERS = "Other keys"


@dataclass(slots=True)
class Shelf:
    """The keys of one API. `ask_slug`: where one more is asked for, or ""."""

    name: str
    keys: list[Key]
    ask_slug: str = ""


def by_api(keys: Iterable[Key]) -> list[Shelf]:
    """`keys` from `keys_of`, grouped by the APIs they open, in their names' order.

    What stands in no entry of the catalogue comes last.
    """
    shelves: dict[str, Shelf] = {}
    for key in keys:
        policies = list(key.policies.all())
        shelf = shelves.setdefault(_apis(policies), Shelf(_apis(policies), []))
        shelf.keys.append(key)
        shelf.ask_slug = shelf.ask_slug or _ask_slug(policies)
    for shelf in shelves.values():
        shelf.keys.sort(key=lambda key: not key.works)
    return sorted(shelves.values(), key=lambda s: (s.name == OTHERS, s.name.casefold()))


def _apis(policies: list[KeyPolicy]) -> str:
    """The names of the APIs, "Orders" or "Orders, Weather"; else the entries'."""
    named = [p for p in policies if getattr(p, "entry_name", None)]
    apis = [
        name
        for p in named
        if p.plan
        for _, name in p.plan.apis
        if isinstance(name, str)
    ]
    names = dict.fromkeys(apis or [vars(p)["entry_name"] for p in named])
    return ", ".join(names) or OTHERS


def _ask_slug(policies: list[KeyPolicy]) -> str:
    """The one entry that one more key of the same plan comes from."""
    plan = policies[0].plan if len(policies) == 1 else None
    slug = getattr(policies[0], "ask_slug", None) if plan and plan.offered else None
    return slug or ""
