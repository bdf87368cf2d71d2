"""A small organisation in Tyk and its mirror, made through the real pulls."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from catalogue.models import Entry
from developers.models import Developer, User
from keyrequests import services
from keyrequests.models import KeyRequest, Mint
from tyk import outbox, pull
from tyk.models import Lane, Outbox
from tyk.sandbox import Sandbox


@dataclass
class Scene:
    """Orders (reviewed) and Geocoding (automatic), a developer and a reviewer."""

    box: Sandbox
    policy: str
    developer: Developer
    entry: Entry
    automatic: Entry
    reviewer: User

    def ask(
        self, *, entry: Entry | None = None, nonce: UUID | None = None
    ) -> KeyRequest:
        return services.submit(
            self.developer,
            entry=entry or self.entry,
            answers={"What you build": "A checkout"},
            nonce=nonce or uuid4(),
        )

    def deliver(self) -> None:
        """Let the worker do all that is due, mails included."""
        outbox.drain()

    def approved(self) -> KeyRequest:
        """A delivered request that staff approved: ready to claim."""
        request = self.ask()
        self.deliver()
        services.approve(request, by=self.reviewer)
        self.deliver()
        request.refresh_from_db()
        return request

    def due_now(self, kind: str) -> Outbox:
        """Let time pass for the row of `kind`: lease, quarantine and backoff over."""
        row = Outbox.objects.get(kind=kind)
        Lane.objects.exclude(until=None).update(until="2020-01-01T00:00Z")
        Outbox.objects.filter(pk=row.pk).update(
            next_at="2020-01-01T00:00Z",
            lease_until=None,
            sending_since="2020-01-01T00:00Z" if row.sending_since else None,
            unsure_since="2020-01-01T00:00Z" if row.unsure_since else None,
        )
        return row


def build(box: Sandbox) -> Scene:
    policy = box.add_policy(
        "orders-standard", rate=60, per=60, quota_max=10_000, quota_renewal_rate=86400
    )
    quick = box.add_policy("geocoding", rate=120, per=60)
    box.add_entry("Orders", policy)
    box.add_entry(
        "Geocoding", quick, config={"override": True, "require_key_approval": False}
    )
    box.set_configuration(
        require_key_approval=True, key_request_fields=["What you build"]
    )
    tyk_id = box.add_developer(
        "mira@tinfold.example", password="correct horse", fields={"Name": "Mira Tal"}
    )
    for kind in ("configuration", "policies", "catalogue", "developers"):
        pull.run(kind)
    return Scene(
        box=box,
        policy=policy,
        developer=Developer.objects.get(tyk_id=tyk_id),
        entry=Entry.objects.get(name="Orders"),
        automatic=Entry.objects.get(name="Geocoding"),
        reviewer=User.objects.create_superuser("rita@northwind.example", "staff"),
    )


def nothing_begun(scene: Scene) -> bool:
    """Tyk was read and told nothing, and no try is noted or to be settled."""
    return (
        set(scene.box.journal.operations()) == {"getDeveloper"}
        and not Mint.objects.exclude(state=Mint.State.SHOWN).exists()
        and not Outbox.objects.filter(kind="mint.settle").exists()
    )


def in_its_own_time(settings: Any) -> None:
    """On a machine that is busy, no deadline of a test decides who wins."""
    settings.TYK_CLAIM_DEADLINE = 30.0
