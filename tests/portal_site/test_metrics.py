"""What Prometheus reads: true figures, few queries, nobody without the token."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from tests import factories
from tests.keyrequests.scene import build
from tyk import connect, measured, outbox
from tyk.dashboard.errors import Misconfigured
from tyk.models import CredentialState, Organisation, PullState

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "canary-of-the-metrics-token"


@pytest.fixture(autouse=True)
def _token(settings):
    settings.METRICS_TOKEN = TOKEN


def scraped(*, token: str = TOKEN):
    return Client().get("/metrics", headers={"Authorization": f"Bearer {token}"})


def figures() -> dict[tuple[str, ...], float]:
    """Value by name and label values."""
    text = scraped().content.decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_without_a_token_there_is_no_such_page(settings):
    settings.METRICS_TOKEN = ""

    assert scraped().status_code == 404
    assert scraped(token="").status_code == 404


@pytest.mark.parametrize("token", ["", "wrong", "canary-of-the-metrics-tokén"])
def test_another_token_is_refused(token):
    response = scraped(token=token)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert b"portal_" not in response.content


def test_only_reading(organisation):
    assert Client().post("/metrics").status_code == 405


def test_the_outbox_by_kind(organisation):
    ago = timezone.now() - timedelta(minutes=10)
    due = factories.OutboxFactory(kind="mail.reset")
    factories.OutboxFactory(kind="mail.reset")
    factories.OutboxFactory(kind="mail.reset", asked=3, served=3)
    factories.OutboxFactory(kind="key.revoke", parked_reason="refused")
    type(due).objects.filter(pk=due.pk).update(asked_at=ago)

    found = figures()

    assert found["portal_outbox_rows", "mail.reset", "due"] == 2
    assert found["portal_outbox_rows", "mail.reset", "parked"] == 0
    assert found["portal_outbox_rows", "key.revoke", "parked"] == 1
    assert 600 <= found["portal_outbox_oldest_seconds", "mail.reset", "due"] < 620
    assert found["portal_outbox_oldest_seconds", "request.create", "due"] == 0


def test_work_asked_again_is_as_old_as_the_new_wish(box):
    scene = build(box)
    scene.ask()
    scene.deliver()
    row = factories.OutboxFactory(kind="developer.profile", asked=1, served=1)
    long_ago = timezone.now() - timedelta(days=30)
    type(row).objects.filter(pk=row.pk).update(asked_at=long_ago)

    outbox.enqueue("developer.profile", row.subject)

    assert figures()["portal_outbox_oldest_seconds", "developer.profile", "due"] < 20


def test_pulls(box):
    build(box)
    PullState.objects.filter(kind="catalogue").update(
        completed_at=timezone.now() - timedelta(hours=2), held_back_reason="all gone"
    )
    factories.PullStateFactory(kind="usage", completed_at=None, last_error="away")

    found = figures()

    assert 7200 <= found["portal_pull_age_seconds", "catalogue"] < 7220
    assert found["portal_pull_age_seconds", "policies"] < 20
    assert ("portal_pull_age_seconds", "usage") not in found
    assert found["portal_pull_troubled", "catalogue"] == 1
    assert found["portal_pull_troubled", "usage"] == 1
    assert found["portal_pull_troubled", "policies"] == 0


def test_unfinished_mints(organisation):
    factories.MintFactory(
        state="unsure", started_at=timezone.now() - timedelta(seconds=90)
    )
    factories.MintFactory(state="shown")

    found = figures()

    assert found["portal_mints_unfinished", "unsure"] == 1
    assert found["portal_mints_unfinished", "sending"] == 0
    assert 90 <= found["portal_mints_oldest_seconds", "unsure"] < 110
    assert ("portal_mints_unfinished", "shown") not in found


def test_the_credential(organisation):
    Organisation.objects.update(credential_state=CredentialState.REJECTED)

    found = figures()

    assert found["portal_dashboard_credential", "rejected"] == 1
    assert found["portal_dashboard_credential", "accepted"] == 0


def test_calls_by_operation_and_outcome(box):
    measured.CALLS.clear()
    connect.dashboard().configuration()
    box.rotate_api_key()
    with pytest.raises(Misconfigured):
        connect.dashboard().configuration()

    found = figures()

    operation = "getPortalConfiguration"
    assert found["portal_dashboard_calls_total", operation, "ok"] == 1
    assert found["portal_dashboard_calls_total", operation, "Misconfigured"] == 1
    assert found["portal_dashboard_call_seconds_count",] >= 2


def test_calls_in_flight(box):
    with connect.slots().hold(login=False):
        assert figures()["portal_dashboard_calls_in_flight",] == 1
    assert figures()["portal_dashboard_calls_in_flight",] == 0


def test_as_many_queries_with_many_rows(organisation, django_assert_num_queries):
    for kind in ("mail.reset", "mail.sign_up", "key.revoke"):
        factories.OutboxFactory.create_batch(5, kind=kind)
        factories.OutboxFactory.create_batch(2, kind=kind, parked_reason="x")
    for kind in ("catalogue", "policies", "usage"):
        factories.PullStateFactory(kind=kind)

    with django_assert_num_queries(5):
        figures()


def test_no_secret_and_nobodys_name(box, settings):
    scene = build(box)
    raw = box.issue_key(scene.developer.tyk_id, scene.policy)
    factories.OutboxFactory(kind="key.revoke", parked_reason=raw)
    PullState.objects.update(last_error=raw)

    told = scraped().content.decode()

    hidden = [raw, TOKEN, box.api_key, scene.developer.email, settings.SECRET_KEY]
    assert [secret for secret in hidden if secret in told] == []
