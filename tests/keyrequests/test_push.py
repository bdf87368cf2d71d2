"""Outbound handlers x faults: our rows, Tyk's truth, and what is still owed."""

import pytest
from django.core.mail import EmailMessage

from keyrequests import live, push_requests, services
from keyrequests.models import Event, Key, KeyRequest
from tests.keyrequests.scene import Scene, build
from tyk import outbox, pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


def test_a_request_reaches_tyk_as_the_contract_says(scene):
    request = scene.ask()
    scene.deliver()

    [record] = scene.box.requests()
    assert record["by_user"] == scene.developer.tyk_id
    assert record["apply_policies"] == [scene.policy]
    assert record["for_plan"] == scene.policy
    assert record["version"] == "v2"
    assert record["approved"] is False
    assert record["fields"]["What you build"] == "A checkout"
    assert record["fields"]["portal_ref"].endswith(f".{request.code}")
    assert "decide in the portal" in record["fields"]["portal_state"]
    request.refresh_from_db()
    assert (request.tyk_id, request.tyk_state) == (record["id"], "pending")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        pytest.param({"mode": "refuse_connection"}, "unsure", id="reset"),
        pytest.param({"mode": "timeout_before", "seconds": 3}, "unsure", id="timeout"),
        pytest.param({"mode": "timeout_after", "seconds": 3}, "unsure", id="late"),
        pytest.param({"mode": "reset_after"}, "unsure", id="reset after"),
        pytest.param({"mode": "status", "status": 500}, "unsure", id="500"),
        pytest.param({"mode": "html_200"}, "unsure", id="html"),
        pytest.param({"mode": "empty_204"}, "unsure", id="204"),
        pytest.param({"mode": "truncated"}, "unsure", id="truncated"),
        pytest.param({"mode": "status", "status": 429}, "later", id="429"),
        pytest.param(
            {"mode": "status", "status": 401, "message": "Not authorised"},
            "later",
            id="401",
        ),
        pytest.param({"mode": "status", "status": 400}, "failed", id="400"),
    ],
)
def test_a_fault_while_delivering_ends_in_exactly_one_request(scene, fault, outcome):
    request = scene.ask()
    scene.box.faults.add("createKeyRequest", times=1, **fault)
    Outbox.objects.exclude(kind="request.create").delete()

    assert outbox.drain() == {outcome: 1}
    request.refresh_from_db()
    assert request.tyk_id is None

    scene.due_now("request.create")
    assert outbox.drain() == {"done": 1}

    [record] = scene.box.requests()
    request.refresh_from_db()
    assert request.tyk_id == record["id"]


def test_dashboard_off_keeps_the_request_and_counts_nothing(scene):
    scene.ask()
    Outbox.objects.exclude(kind="request.create").delete()
    scene.box.refuse()

    assert outbox.drain() == {"later": 1}

    row = Outbox.objects.get()
    assert (row.attempts, row.sending_since) == (0, None)
    scene.box.heal()
    scene.due_now("request.create")
    assert outbox.drain() == {"done": 1}
    assert len(scene.box.requests()) == 1


def test_an_answer_without_an_id_is_found_by_its_marker(scene):
    scene.box.switch(create_request_answer="text")
    request = scene.ask()

    scene.deliver()

    [record] = scene.box.requests()
    request.refresh_from_db()
    assert request.tyk_id == record["id"]


def stands_after_a_second_turn(scene: Scene, request: KeyRequest) -> None:
    Outbox.objects.exclude(kind="request.create").delete()

    assert outbox.drain() == {"later": 1}
    scene.due_now("request.create")
    assert outbox.drain() == {"done": 1}

    [record] = scene.box.requests()
    request.refresh_from_db()
    assert request.tyk_id == record["id"]


def test_a_delivery_read_back_without_a_marker_is_looked_for_in_the_list(scene):
    """A spoiled answer proves nobody's; it is neither taken nor given to a person."""
    request = scene.ask()
    scene.box.faults.add("getKeyRequest", mode="null_lists", times=1)
    stands_after_a_second_turn(scene, request)


def test_a_tyk_that_drops_our_marker_is_not_sent_requests_without_end(scene):
    """Neither the list nor a second delivery shows it: a person is asked."""
    scene.ask()
    scene.box.faults.add("getKeyRequest", mode="null_lists")
    scene.box.faults.add("listKeyRequests", mode="null_lists")

    for _sweep in range(4):
        scene.due_now("request.create")
        outbox.drain()

    assert (
        "without our marker" in Outbox.objects.get(kind="request.create").parked_reason
    )
    assert len(scene.box.requests()) == 2


def test_three_spoiled_answers_are_no_proof_that_tyk_drops_our_marker(scene):
    """Of both deliveries and the list between them; the next list is whole."""
    request = scene.ask()
    scene.box.faults.add("getKeyRequest", mode="null_lists", times=2)
    scene.box.faults.add("listKeyRequests", mode="null_lists", times=1)
    stands_after_a_second_turn(scene, request)
    assert scene.box.journal.operations().count("createKeyRequest") == 2


def sent_twice(scene: Scene) -> tuple[KeyRequest, str, str]:
    """A request whose answer was lost, and which Tyk holds twice, by its two ids."""
    request = scene.ask()
    scene.box.faults.add("createKeyRequest", mode="reset_after", times=1)
    scene.deliver()
    [sent] = scene.box.requests()
    twin = scene.box.add_request(
        scene.developer.tyk_id, scene.policy, fields=dict(sent["fields"])
    )
    first, second = sorted([sent["id"], twin])
    return request, first, second


def test_a_request_sent_twice_keeps_the_first_and_deletes_the_other(scene):
    request, first, _ = sent_twice(scene)

    scene.due_now("request.create")
    scene.deliver()

    assert [record["id"] for record in scene.box.requests()] == [first]
    request.refresh_from_db()
    assert request.tyk_id == first


def test_a_twin_that_another_worker_kept_meanwhile_is_not_deleted(scene, monkeypatch):
    request, _, kept = sent_twice(scene)
    keep = push_requests._delivered

    def after_another(row: KeyRequest, tyk_id: str) -> None:
        KeyRequest.objects.filter(pk=row.pk).update(tyk_id=kept)
        keep(row, tyk_id)

    monkeypatch.setattr(push_requests, "_delivered", after_another)
    scene.due_now("request.create")
    scene.deliver()

    assert [record["id"] for record in scene.box.requests()] == [kept]
    request.refresh_from_db()
    assert request.tyk_id == kept


def test_revoking_ends_the_key_in_tyk_and_tells_its_owner(scene, mailoutbox):
    shown = live.claim(scene.approved())
    raw = shown.pairs[0][1].reveal()

    services.revoke(shown.key, actor="Mira Tal")
    shown.key.refresh_from_db()
    assert shown.key.state == Key.State.REVOKING
    assert scene.box.gateway_accepts(raw)
    scene.deliver()

    shown.key.refresh_from_db()
    assert shown.key.state == Key.State.REVOKED
    assert not scene.box.gateway_accepts(raw)
    assert mailoutbox[-1].subject == "Your key “Orders” was revoked"


def test_a_key_already_gone_in_tyk_is_revoked(scene):
    shown = live.claim(scene.approved())
    [held] = scene.box.keys()
    scene.box.delete_key(held.id)

    services.revoke(shown.key, actor="Mira Tal")
    scene.deliver()

    shown.key.refresh_from_db()
    assert shown.key.state == Key.State.REVOKED


def test_a_refused_revocation_is_parked_and_the_key_stays_live(scene):
    shown = live.claim(scene.approved())
    raw = shown.pairs[0][1].reveal()
    scene.box.switch(delete_by_hash="refused")
    services.revoke(shown.key, actor="Mira Tal")

    scene.deliver()

    shown.key.refresh_from_db()
    assert shown.key.state == Key.State.REVOKING
    assert shown.key.works
    assert scene.box.gateway_accepts(raw)
    assert "still live" in Outbox.objects.get(kind="key.revoke").parked_reason


def test_a_revocation_that_tyk_fails_at_for_good_waits_for_a_person(scene, settings):
    settings.OUTBOX_ATTEMPTS = 3
    shown = live.claim(scene.approved())
    scene.deliver()
    scene.box.switch(delete_by_hash="failing")
    services.revoke(shown.key, actor="Mira Tal")

    for _ in range(3):
        scene.deliver()
        row = scene.due_now("key.revoke")

    row.refresh_from_db()
    assert row.parked_reason == "Tyk answers with an error of its own (500)"
    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())
    scene.box.switch(delete_by_hash="allowed")
    assert outbox.try_again(row.pk)
    scene.deliver()
    assert not scene.box.gateway_accepts(shown.pairs[0][1].reveal())


def test_a_key_is_found_by_its_hash_where_tyk_does_not_say_that_it_hashes(scene):
    scene.box.set_configuration(HashKeys=False)
    pull.run("configuration")

    shown = live.claim(scene.approved())

    assert shown.key.fp is not None
    services.revoke(shown.key, actor="Mira Tal")
    scene.deliver()
    assert not scene.box.gateway_accepts(shown.pairs[0][1].reveal())


def test_with_hashing_off_no_raw_key_is_kept_and_the_key_can_be_revoked(scene):
    scene.box.switch(hashing="off")
    scene.box.set_configuration(HashKeys=False)
    pull.run("configuration")
    shown = live.claim(scene.approved())
    raw = shown.pairs[0][1].reveal()

    stored = Key.objects.get(pk=shown.key.pk)
    assert raw not in str(vars(stored))
    assert raw.encode() not in bytes(stored.sealed_id or b"")
    services.revoke(shown.key, actor="Mira Tal")
    scene.deliver()
    assert not scene.box.gateway_accepts(raw)


def test_delivery_is_on_the_time_line_once(scene):
    request = scene.ask()
    scene.deliver()
    outbox.enqueue("request.create", request.code)
    scene.deliver()

    assert request.events.filter(verb=Event.Verb.DELIVERED).count() == 1
    assert KeyRequest.objects.count() == 1


# --- What the mail of an ended key says --------------------------------------------------
def ended(scene: Scene, mailoutbox: list[EmailMessage]) -> tuple[str, str]:
    """Subject and text of the last mail, on one line."""
    scene.deliver()
    last = mailoutbox[-1]
    return str(last.subject), " ".join(str(last.body).split())


def test_who_revoked_their_key_is_told_what_to_do_if_it_was_not_them(scene, mailoutbox):
    shown = live.claim(scene.approved())
    services.revoke(shown.key, actor=scene.developer)

    subject, text = ended(scene, mailoutbox)

    assert subject == "Your key “Orders” was revoked"
    assert "was revoked, as you asked." in text
    assert "If you did not do this, change your password" in text


def test_whose_key_staff_revoked_is_told_so(scene, mailoutbox):
    shown = live.claim(scene.approved())
    services.revoke(shown.key, actor="Rita")

    _, text = ended(scene, mailoutbox)

    assert "was revoked by our team." in text
    assert "change your password" not in text


def test_the_planned_end_of_a_replaced_key_is_no_alarm(scene, mailoutbox):
    shown = live.claim(scene.approved())
    scene.deliver()
    live.replace(shown.key, overlap=0)

    subject, text = ended(scene, mailoutbox)

    assert subject == "Your replaced key “Orders” has ended"
    assert "You replaced your key" in text
    assert "The new key goes on working." in text
