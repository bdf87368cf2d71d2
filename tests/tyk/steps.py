"""What an operator does at the outbox desk, in a few words."""

import re

from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.factories import OutboxFactory
from tests.keyrequests.scene import Scene
from tyk.models import Outbox

OUTBOX = "/admin/tyk/outbox/"
WHY = "The gateway will not be mended."


def parked(kind: str, subject: object, **members: object) -> Outbox:
    return OutboxFactory(
        kind=kind,
        subject=str(subject),
        parked_reason="status 500, 8 times",
        last_outcome="status 500, 8 times",
        attempts=8,
        **members,
    )


def abandon(client: Client, row: Outbox, *, reason: str = WHY, asked: int = 0):
    return client.post(
        f"{OUTBOX}{row.pk}/abandon/",
        {"reason": reason, f"asked_{row.pk}": asked or row.asked},
        follow=True,
    )


def text(answer) -> str:
    """What a page says, without tags."""
    body = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(body.replace("&#x27;", "'").split())


def written(scene: Scene) -> list[object]:
    """Calls that changed requests in Tyk."""
    return [
        call
        for call in scene.box.journal
        if call.method in {"POST", "PUT", "DELETE"}
        and call.path.startswith("/api/portal/requests")
    ]


def trail() -> str:
    """What people did in the admin, as it reads."""
    return " | ".join(entry.get_change_message() for entry in LogEntry.objects.all())
