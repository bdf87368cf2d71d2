"""One odd request or figure costs only itself, on either database."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from developers.models import Developer
from keyrequests import live
from keyrequests.models import Event, Key, KeyRequest, UsageDay
from tests.keyrequests.scene import Scene, build
from tyk import fitting, pull

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


def rename(scene: Scene, old: str, new: str) -> None:
    store = scene.box.world.store
    record = store.get("requests", old) or {}
    with store.change():
        store.delete("requests", old)
        store.put("requests", new, record)


def approved_there(scene: Scene) -> KeyRequest:
    """One of ours that somebody approved in Tyk: what an odd one must not hide."""
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    scene.box.approve(request.tyk_id or "")
    return request


def test_odd_texts_of_a_request_are_mended(scene):
    made = scene.box.add_request(
        scene.developer.tyk_id,
        scene.policy,
        fields={"What\0 you build": "By\0 hand"},
        redirect_uri="https://x.example/\0" + "n" * 2000,
    )

    first, second = pull.run("pending"), pull.run("pending")

    request = KeyRequest.objects.get()
    assert (first.changed, first.bad, second.changed) == (1, 0, 0)
    assert request.tyk_id == made
    assert request.answers == {"What you build": "By hand"}
    assert request.redirect_uri == "https://x.example/" + "n" * 1982


ODD: dict[str, dict[str, Any]] = {
    "policy with NUL": {"apply_policies": ["a\0b"]},
    "one of two policies too long": {"apply_policies": ["ab", "n" * 65]},
    "developer with NUL": {"by_user": "5e\0"},
    "developer too long": {"by_user": "n" * 65},
}


@pytest.mark.parametrize("_case", ODD)
def test_an_odd_request_is_bad_and_hides_no_decision(_case, scene):
    scene.box.add_request(scene.developer.tyk_id, scene.policy, **ODD[_case])
    ours = approved_there(scene)

    pulled = pull.run("requests")

    ours.refresh_from_db()
    assert (pulled.seen, pulled.bad) == (2, 1)
    assert ours.status == KeyRequest.Status.GRANTED
    assert KeyRequest.objects.count() == 1


@pytest.mark.parametrize("odd", ["n" * 65, "5e\0"])
def test_an_id_that_no_column_holds_is_bad(odd, scene):
    rename(scene, scene.box.add_request(scene.developer.tyk_id, scene.policy), odd)
    scene.box.add_request(scene.developer.tyk_id, scene.policy)

    pulled = pull.run("pending")

    assert (pulled.seen, pulled.changed, pulled.bad) == (2, 1, 1)


def test_a_request_of_ours_made_odd_in_tyk_is_not_taken_for_declined(scene):
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    scene.box.edit_request(request.tyk_id, by_user="n" * 65)

    for _ in range(2):
        pulled = pull.run("pending")
        long_ago = timezone.now() - timedelta(minutes=2)
        KeyRequest.objects.exclude(missing_since=None).update(missing_since=long_ago)

    request.refresh_from_db()
    assert (pulled.bad, pulled.retired) == (1, 0)
    assert (request.status, request.missing_since) == ("pending", None)


def test_a_nameless_developer_with_a_long_address_may_ask(scene):
    address = "n" * 200 + "@tinfold.example"
    Developer.objects.update(name="", email=address)
    scene.box.add_request(scene.developer.tyk_id, scene.policy)

    assert pull.run("pending").changed == 1

    assert Event.objects.get(verb="sent").actor == "n" * 200


def test_what_no_cleaning_foresaw_costs_only_itself(scene, monkeypatch):
    """The last net: only PostgreSQL refuses this; SQLite keeps it."""
    monkeypatch.setattr(fitting, "clean", lambda value, length=None: value)
    scene.box.add_request(scene.developer.tyk_id, scene.policy, redirect_uri="n" * 2001)
    made = scene.box.add_request(scene.developer.tyk_id, scene.policy)

    pull.run("pending")

    assert KeyRequest.objects.filter(tyk_id=made).count() == 1


@pytest.mark.parametrize("hits", [10**19, -1])
def test_an_absurd_count_stops_no_run(hits, scene):
    live.claim(scene.approved())
    scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    odd, good = scene.box.keys()
    scene.box.record_usage(odd.id, hits=hits, code=200)
    scene.box.record_usage(good.id, hits=3, code=200)

    pulled = pull.run("usage")

    assert (pulled.seen, pulled.bad) == (2, 0)
    assert Key.objects.filter(usage_as_of=None).count() == 0
    assert 3 in UsageDay.objects.values_list("ok", flat=True)
