"""What was mirrored before its policy gets its plan as soon as that is known."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keyrequests.models import Key, KeyRequest
from keyrequests.pull import plans
from tests.keyrequests.scene import Scene, build
from tyk import pull

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


def test_a_key_whose_policy_is_read_later_is_named_and_counted(scene):
    policy = scene.box.add_policy("Gold", rate=5, per=1, quota_max=100)
    scene.box.issue_key(scene.developer.tyk_id, policy)
    pull.run("developers")
    key = Key.objects.get()
    assert (key.name, key.policies.get().plan) == ("", None)

    pull.run("policies")
    pull.run("pending")

    key = Key.objects.get()
    plan = key.policies.get().plan
    assert plan is not None
    assert (key.name, plan.name, plan.quota_max) == ("Gold", "Gold", 100)


def test_a_name_that_its_owner_gave_stays(scene):
    policy = scene.box.add_policy("Gold")
    scene.box.issue_key(scene.developer.tyk_id, policy)
    pull.run("developers")
    Key.objects.update(name="Bakery")

    pull.run("policies")
    pull.run("pending")

    assert Key.objects.get().name == "Bakery"


def test_a_request_whose_policy_is_read_later_names_its_entry(scene):
    policy = scene.box.add_policy("Gold")
    scene.box.add_entry("Payments", policy)
    scene.box.add_request(scene.developer.tyk_id, policy)
    pull.run("pending")
    request = KeyRequest.objects.get()
    assert (request.entry, request.entry_name) == (None, "(No Catalog Entry)")

    for kind in ("policies", "catalogue", "pending"):
        pull.run(kind)

    request = KeyRequest.objects.get()
    assert request.entry is not None
    assert (request.entry.name, request.entry_name) == ("Payments", "Payments")
    plan = request.plans.get().plan
    assert plan is not None
    assert plan.oid == policy


def test_a_request_for_two_plans_keeps_the_name_it_got_first(scene):
    known = scene.box.add_policy("Partner special")
    pull.run("policies")
    late = scene.box.add_policy("Gold")
    scene.box.add_entry("Payments", late)
    both = [known, late]
    scene.box.add_request(scene.developer.tyk_id, known, apply_policies=both)
    pull.run("pending")
    assert KeyRequest.objects.get().entry_name == "Partner special"

    for kind in ("policies", "catalogue", "pending"):
        pull.run(kind)

    request = KeyRequest.objects.get()
    assert (request.entry, request.entry_name) == (None, "Partner special")
    assert request.plans.filter(plan=None).count() == 0


def test_nothing_to_link_costs_two_queries(scene):
    with CaptureQueriesContext(connection) as queries:
        assert plans.link() == 0

    assert len(queries) == 2
