"""One developer, a reviewer and Tyk; time that can be moved.

People here do what people do: they click, give up when refused, and come back. What
they saw is kept, so that the promises can be checked against it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from django.db import models
from django.db.models import F

from developers.errors import AccountError
from developers.models import MailedLink
from developers.services import MARKER_FIELD
from keyrequests import holdings, live, services
from keyrequests.errors import AccessError
from keyrequests.live_shown import Shown
from keyrequests.models import Key, KeyRequest, Mint
from tests.keyrequests.scene import Scene
from tests.reliability.boundaries import Boundaries, Died
from tyk import outbox, pull
from tyk.dashboard.errors import DashboardError
from tyk.models import Lane, Outbox
from tyk.sandbox import Sandbox
from tyk.sandbox.truth import KeyRecord

T = TypeVar("T")
#: The columns that say "until" or "since": moving them back is time passing.
CLOCKS: dict[type[models.Model], tuple[str, ...]] = {
    Outbox: ("next_at", "lease_until", "sending_since", "unsure_since"),
    Lane: ("until",),
    Mint: ("started_at", "unsure_at"),
    Key: ("created_at", "missing_since", "ends_at", "ended_at"),
    KeyRequest: ("created_at", "missing_since", "decided_at"),
    MailedLink: ("taken_until",),
}
#: Longer than a lease, a quarantine, a claim given up, and every backoff.
LONG_ENOUGH = 400
SWEPT = ("developers", "requests")
#: What a person or a task is told when it did not work. Anything else is a bug.
REFUSALS = (AccessError, AccountError, DashboardError)


def let_time_pass(seconds: float) -> None:
    """Move every clock of ours back by so much."""
    for model, columns in CLOCKS.items():
        model._default_manager.update(
            **{name: F(name) - timedelta(seconds=seconds) for name in columns}
        )


@dataclass
class Seen:
    """A key somebody has in their hands."""

    raw: str
    key_id: str  # as Tyk lists it


@dataclass
class World:
    """What people did and saw, beside what the portal and Tyk hold."""

    scene: Scene
    boundaries: Boundaries
    shown: list[Seen] = field(default_factory=list)
    by_hand: list[Seen] = field(default_factory=list)
    # Ids of keys that a person asked to end, wherever.
    given_up: set[str] = field(default_factory=set)
    # Key rows somebody asked to end before Tyk's id of them was known.
    given_up_rows: set[int] = field(default_factory=set)
    # Markers of keys made by hand. A Tyk that mints again on a second approve may
    # hold one of ours beside it, and nobody can tell the two apart.
    twice: set[str] = field(default_factory=set)
    happened: Counter[str] = field(default_factory=Counter)

    @property
    def box(self) -> Sandbox:
        return self.scene.box

    def keys_in_tyk(self) -> list[KeyRecord]:
        """What really exists, whatever the portal thinks."""
        return list(self.box.keys())

    def living(self, deed: Callable[[], T]) -> T | None:
        """Do it in a process that may die; None if it died or was refused."""
        try:
            with self.boundaries.watched():
                return deed()
        except REFUSALS as refusal:
            self.happened[type(refusal).__name__] += 1
            return None
        except Died:
            self.happened["died"] += 1
            self.boundaries.restart()
            return None

    # --- The developer -----------------------------------------------------------

    def ask(self, entry: str) -> None:
        wanted = getattr(self.scene, entry)
        self.living(lambda: self.scene.ask(entry=wanted))

    def withdraw(self, request: KeyRequest) -> None:
        self.living(lambda: services.withdraw(request))

    def claim(self, request: KeyRequest) -> None:
        self._see(self.living(lambda: live.claim(request)))

    def replace(self, key: Key, *, overlap: float) -> None:
        # A process that dies after "shown" was committed ends the old key, too.
        self._give_up(key)
        self._see(self.living(lambda: live.replace(key, overlap=overlap)))

    def revoke(self, key: Key) -> None:
        self._give_up(key)
        self.living(lambda: services.revoke(key, actor="Mira Tal"))

    def _see(self, shown: Shown | None) -> None:
        if shown is not None:
            [(_, secret)] = shown.pairs
            raw = secret.reveal()
            self.shown.append(Seen(raw, self.id_in_tyk(raw)))

    def id_in_tyk(self, raw: str) -> str:
        """How Tyk lists this key; "" if it doesn't."""
        try:
            return self.box.key_id(raw)
        except KeyError:  # deleted in Tyk before it was rendered
            return ""

    def _give_up(self, key: Key) -> None:
        self.given_up_rows.add(key.pk)
        if key.sealed_id is not None:
            self.given_up.add(holdings.id_of(key))

    def ended_by_somebody(self) -> set[str]:
        """Ids of keys a person ended or may have ended."""
        late = Key.objects.filter(pk__in=self.given_up_rows).exclude(sealed_id=None)
        return self.given_up | {holdings.id_of(key) for key in late}

    # --- Staff ---------------------------------------------------------------------

    def approve(self, request: KeyRequest) -> None:
        self.living(lambda: services.approve(request, by=self.scene.reviewer))

    def decline(self, request: KeyRequest) -> None:
        self.living(
            lambda: services.decline(request, by=self.scene.reviewer, reason="No.")
        )

    # --- People at the Dashboard -------------------------------------------------------

    def issue_by_hand(self) -> None:
        tyk_id = self.scene.developer.tyk_id
        raw = self.box.issue_key(tyk_id, self.scene.policy)
        self.by_hand.append(Seen(raw, self.box.key_id(raw)))

    def approve_by_hand(self, tyk_request: str) -> None:
        """Approved there, and the key handed out.

        While a claim of this very request is unsure, the key can't be told from
        the claim's own: that one may be removed, and the page says so.
        """
        contested = Mint.objects.filter(
            tyk_request_id=tyk_request, unsure_at__isnull=False
        ) | Mint.objects.filter(
            tyk_request_id=tyk_request, state__in=services.UNFINISHED
        )
        try:
            raw = self.box.approve(tyk_request)["RawKey"]
        except ValueError:
            return
        self.by_hand.append(Seen(raw, self.box.key_id(raw)))
        if self.box.switches.approve_again == "mint":
            fields = self.box.request(tyk_request)["fields"]
            self.twice.add(fields.get(MARKER_FIELD, ""))
        if contested.exists():
            self.given_up.add(self.by_hand[-1].key_id)

    def decline_by_hand(self, tyk_request: str) -> None:
        self.box.decline(tyk_request)

    def deletable(self) -> list[str]:
        """Every key, also one whose id the portal has not read yet."""
        return [key.id for key in self.keys_in_tyk()]

    def delete_by_hand(self, key_id: str) -> None:
        self.given_up.add(key_id)
        self.box.delete_key(key_id)

    # --- Our machinery -----------------------------------------------------------------

    def work(self, *, rows: int) -> None:
        self.living(lambda: outbox.drain(limit=rows))

    def pull(self, kind: str) -> None:
        self.living(lambda: pull.run(kind))

    def pass_time(self, seconds: float) -> None:
        """Leases and waits run out."""
        let_time_pass(seconds)

    def land(self) -> None:
        """Tyk carries out what it got and nobody waits for any more."""
        self.happened["a late write landed"] += len(self.boundaries.late)
        self.boundaries.land(self.box)

    def come_to_rest(self, *, sweeps: int = 3) -> None:
        """The faults are over. Three sweeps, as the beat makes them, and a person
        who says "try again" to what is parked."""
        self.boundaries.meanwhile, self.boundaries.hold_back = None, ""
        self.boundaries.die_at.clear()
        self.box.heal()
        self.land()
        for row in Outbox.objects.exclude(parked_reason=""):
            outbox.try_again(row.pk)
        for _sweep in range(sweeps):
            self.pass_time(LONG_ENOUGH)
            for kind in SWEPT:
                pull.run(kind)
            outbox.drain(limit=10_000)
        pull.run("developers")
