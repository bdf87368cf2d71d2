"""Changing what a key is for and giving it its quota again, from the admin."""

import pytest
from django.utils import timezone

from keyrequests.models import Key, PolicyChange, UsageHour
from tests.factories import KeyPolicyFactory, PlanFactory, UsageDayFactory
from tests.keyrequests.test_admin_case import words
from tyk.models import Outbox

pytestmark = pytest.mark.django_db


def at(key: Key, act: str = "change") -> str:
    return f"/admin/keyrequests/key/{key.pk}/{act}/"


@pytest.fixture
def kim(keeper, signed_in):
    return signed_in(keeper)


def read(answer) -> str:
    return words(answer.content.decode())


@pytest.fixture
def silver(alices_key):
    now = timezone.now()
    Key.objects.filter(pk=alices_key.pk).update(usage_as_of=now)
    UsageDayFactory(key=alices_key, hits=2500, ok=2500, errors=0, last_hit=now)
    UsageHour.objects.create(key=alices_key, hour=now, hits=2500, ok=2500)
    return PlanFactory(name="Silver", rate=600)


def test_the_page_says_whom_it_touches_and_what_fits(alices_key, silver, kim):
    PlanFactory(name="Another way", auth_kind="basic")
    own = alices_key.policies.get().plan

    told = read(kim.get(at(alices_key, "plans")))

    assert "Owner Alice Arnold alice@shop.example" in told
    assert "2 500 calls in 7 days, 0 % errors, 2 500 today" in told
    assert "Quota used 2 500 of 10 000, 25 %" in told
    assert f"{own.name} has it now" in told
    assert "Silver 600 calls a minute" in told
    assert "Another way" not in told


def test_a_change_is_wished_and_told(alices_key, silver, kim):
    form = kim.get(at(alices_key, "plans")).context
    answer = kim.post(
        at(alices_key, "plans"), {"plan": [silver.pk], "seen": form["seen"]}, follow=True
    )  # fmt: skip

    told = read(answer)
    assert "The plan of Shop window is being changed. The key stays the same" in told
    assert "On its way to Tyk the plan is being changed" in told
    assert "Kim asked to change the plan Silver" in told
    assert PolicyChange.objects.get().after == [silver.oid]
    assert Outbox.objects.get().kind == "key.policies"


@pytest.mark.parametrize(
    ("plans", "seen", "sentence"),
    [
        ([], None, "Choose at least one plan. To end all access, revoke the key."),
        (["silver"], "5f", "The plans of this key changed since you opened the page."),
    ],
)
def test_a_change_that_can_not_be_says_why(
    alices_key, silver, kim, plans, seen, sentence
):
    seen = alices_key.policies.get().policy_id if seen is None else seen
    form = {"plan": [silver.pk] if plans else [], "seen": seen}

    answer = kim.post(at(alices_key, "plans"), form)

    assert answer.status_code == 400
    assert sentence in read(answer)
    assert not PolicyChange.objects.exists()
    assert not Outbox.objects.exists()


def test_what_has_no_plan_here_is_told_before_it_is_lost(alices_key, silver, kim):
    KeyPolicyFactory(key=alices_key, plan=None, policy_id="5f00000000000000000000aa")

    told = read(kim.get(at(alices_key, "plans")))

    assert "It loses 1 policy that no plan here stands for" in told


def test_a_quota_is_reset_after_a_question(alices_key, silver, kim):
    asked = read(kim.get(at(alices_key, "quota")))
    assert "The key has its whole quota again at once" in asked
    assert not Outbox.objects.exists()

    told = read(kim.post(at(alices_key, "quota"), follow=True))

    assert "The quota of Shop window is being reset." in told
    assert "Kim asked to reset the quota" in told
    assert Outbox.objects.get().kind == "key.quota"


@pytest.mark.parametrize("act", ["plans", "quota"])
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"state": "revoked"}, "This key has already ended."),
        ({"kind": "oauth"}, "This is an OAuth client."),
        ({"fp": None}, "Tyk's id of this key is not known yet."),
    ],
)
def test_a_key_that_can_not_be_changed_says_why(
    alices_key, kim, act, changed, sentence
):
    Key.objects.filter(pk=alices_key.pk).update(**changed)

    for method in (kim.get, kim.post):
        answer = method(at(alices_key, act), follow=True)
        assert answer.redirect_chain == [(at(alices_key), 302)]
        assert sentence in read(answer).replace("&#x27;", "'")
    assert not Outbox.objects.exists()
    assert "Change plan" not in read(kim.get(at(alices_key)))
