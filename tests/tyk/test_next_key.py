"""A changed Dashboard key, met by two web processes and a worker at once."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.cast import in_tyk
from tests.factories import PASSWORD, DeveloperFactory, OrganisationFactory
from tests.keyrequests.scene import build
from tests.reliability.served import Broker, Site, serving
from tyk import connect, outbox, pull
from tyk.dashboard.errors import Misconfigured
from tyk.models import CredentialState, Organisation, Outbox
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

NEXT = "the-next-key-of-the-dashboard-0001"
MOVED, REJECTED = "dashboard key moved", "dashboard credential rejected"
AWAY = "Login is not available right now"


@pytest.fixture
def opened(box, settings, tmp_path) -> Callable[[], AbstractContextManager[Site]]:
    """Two web processes and this one as the worker, all with both keys."""

    @contextmanager
    def run() -> Iterator[Site]:
        settings.TYK_API_KEY_NEXT = NEXT
        connect.close()
        OrganisationFactory()
        broker = Broker(tmp_path / "valkey")  # not needed, so never started
        with serving(box, tmp_path, broker=broker, TYK_API_KEY_NEXT=NEXT) as site:
            yield site

    return run


def events(site: Site, caplog: pytest.LogCaptureFixture, name: str) -> int:
    """How often any of the processes logged this event."""
    lines = [line for line in site.log().splitlines() if line.startswith("{")]
    names = [json.loads(line)["event"] for line in lines]
    names += [record.message for record in caplog.records]
    return names.count(name)


def person(box: Sandbox) -> tuple[str, str]:
    return in_tyk(box, DeveloperFactory()).email, PASSWORD


def test_the_next_key_takes_over_and_one_alarm_is_raised(box, opened, caplog):
    scene = build(box)
    Organisation.objects.all().delete()
    with opened() as site:
        people = [person(box) for _ in range(8)]
        scene.ask()
        box.rotate_api_key(NEXT)

        answers = site.log_in(people)
        outcomes = outbox.drain()
        pulled = [pull.run(kind) for kind in ("policies", "developers", "pending")]

        assert [answer.status for answer in answers] == [302] * 8
        assert site.get("/catalogue/").status == 200
        assert set(outcomes) == {"done"}
        assert not Outbox.objects.exclude(parked_reason="").exists()
        assert all(one.seen for one in pulled)
        assert len(box.requests()) == 1
        assert events(site, caplog, MOVED) == 1
        assert events(site, caplog, REJECTED) == 0
        row = Organisation.objects.get()
        assert row.moved_from == connect.first_key()
        assert row.credential_state == CredentialState.ACCEPTED


def test_a_wrong_next_key_is_one_alarm_and_nobodys_failure(box, opened, caplog):
    scene = build(box)
    Organisation.objects.all().delete()
    with opened() as site:
        people = [person(box) for _ in range(8)]
        scene.ask()
        old = box.api_key
        box.rotate_api_key("another-one-that-nobody-told-us")

        answers = site.log_in(people) + site.log_in(people)
        outbox.drain()
        with pytest.raises(Misconfigured):
            pull.run("policies")

        assert {answer.status for answer in answers} == {503}
        assert all(AWAY in answer.body for answer in answers)
        assert site.get("/catalogue/").status == 200
        asked = Outbox.objects.get(kind="request.create")
        assert (asked.parked_reason, asked.attempts, asked.sending_since) == (
            "",
            0,
            None,
        )
        assert events(site, caplog, REJECTED) == 1
        assert events(site, caplog, MOVED) == 0
        row = Organisation.objects.get()
        assert (row.credential_state, row.moved_from) == (CredentialState.REJECTED, "")

        box.rotate_api_key(old)  # somebody puts it right: nothing is restarted
        assert [a.status for a in site.log_in(people)] == [302] * 8
        Outbox.objects.update(next_at="2020-01-01T00:00Z")
        assert "parked" not in outbox.drain()
        assert len(box.requests()) == 1
        pull.run("policies")
        assert Organisation.objects.get().credential_state == CredentialState.ACCEPTED
