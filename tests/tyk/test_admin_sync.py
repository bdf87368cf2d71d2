"""Asking for a pull out of turn: a worker is rung, and Tyk is not called by a page."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal_site.celery import app
from tests.factories import PullStateFactory, StaffFactory
from tests.tyk.steps import text
from tyk.models import PullState

pytestmark = pytest.mark.django_db(transaction=True)

SYNC = "/admin/tyk/pullstate/"
QUEUE = "celery"


@pytest.fixture
def client(organisation, signed_in):
    """An operator who may look at the pulls and ask for them."""
    olga = StaffFactory(name="Olga")
    olga.user_permissions.set(
        Permission.objects.filter(codename__in=["view_pullstate", "change_pullstate"])
    )
    return signed_in(olga)


def rung(valkey_client) -> list[tuple[str, str]]:
    """What was asked of workers: task and arguments, oldest first."""
    prefix = app.conf.broker_transport_options.get("global_keyprefix", "")
    messages = valkey_client.lrange(f"{prefix}{QUEUE}", 0, -1)
    told = [json.loads(message)["headers"] for message in reversed(messages)]
    return [(head["task"], head["argsrepr"]) for head in told]


def ask(client, kind: str = "catalogue"):
    return client.post(f"{SYNC}{kind}/ask/", follow=True)


def test_asking_rings_a_worker_and_calls_nobody(client, box, valkey_client):
    PullStateFactory(kind="catalogue")
    shown = client.get(SYNC).content.decode()
    assert f'formaction="{SYNC}catalogue/ask/"' in shown

    page = text(ask(client))

    assert (
        "Catalogue (every entry): a worker reads it now. This page shows it when it is "
        "complete."
    ) in page
    assert rung(valkey_client)[-1:] == [("tyk.tasks.pull", "['catalogue']")]
    assert box.journal.operations() == []
    assert LogEntry.objects.get().get_change_message() == (
        "Asked for a pull out of turn."
    )


def test_a_second_click_asks_for_nothing_more(client, valkey_client):
    ask(client)
    before = len(rung(valkey_client))

    page = text(ask(client))

    assert "Catalogue (every entry): asked for just now already." in page
    assert len(rung(valkey_client)) == before
    assert LogEntry.objects.count() == 1


def test_without_a_broker_it_says_what_to_do(client, monkeypatch):
    # Celery's own connection, to a port where nobody listens.
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setitem(app.conf, "broker_write_url", "redis://127.0.0.1:1/0")

    page = text(ask(client))

    assert (
        "No worker could be called: the broker does not answer. manage.py sync_once "
        "reads everything without it."
    ) in page
    assert PullState.objects.get().asked_at is None
    assert not LogEntry.objects.exists()


def test_a_look_alone_asks_for_nothing(client):
    PullStateFactory(kind="catalogue")

    client.get(f"{SYNC}catalogue/ask/")

    assert PullState.objects.get().asked_at is None


def test_only_who_may_change_pulls_asks(organisation, signed_in):
    PullStateFactory(kind="catalogue")
    viewer = StaffFactory()
    viewer.user_permissions.add(Permission.objects.get(codename="view_pullstate"))
    client = signed_in(viewer)

    assert "Ask now" not in client.get(SYNC).content.decode()
    assert ask(client).status_code == 403
    assert PullState.objects.get().asked_at is None


def test_an_unknown_kind_is_not_asked_for(client):
    assert ask(client, "nonsense").status_code == 404
    assert not PullState.objects.exists()


def test_the_page_costs_the_same_for_many_kinds(client):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(SYNC).status_code == 200
        return len(queries)

    for number in range(5):
        PullStateFactory(kind=f"kind {number}")
    cost()
    few = cost()
    for number in range(5, 50):
        PullStateFactory(kind=f"kind {number}", completed_at=timezone.now())

    assert cost() == few
    assert few <= 12
