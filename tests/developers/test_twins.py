"""Two accounts of one address: none is made that could be known of, and what is all
the same is found by a pull and removed, if it is provably ours and unused."""

from typing import Any

import pytest
from django.test import Client

from developers.models import Developer, SignUp
from tests.developers.steps import (
    NEW,
    choose_password,
    is_signed_in,
    let_the_quarantine_pass,
    log_in,
    open_confirm_page,
)
from tests.factories import PASSWORD
from tyk import outbox, pull
from tyk.models import Outbox
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nora(box, organisation) -> Client:
    browser = Client()
    open_confirm_page(browser)
    return browser


def addresses(box: Sandbox) -> list[str]:
    return [record["email"] for record in box.developers()]


def late_twin(box: Sandbox, **more: Any) -> str:
    """The first try's record, carried out long after a second one was sent."""
    [made] = box.developers()
    twin: str = box.add_developer(
        NEW, password=PASSWORD, fields=dict(made["fields"]), **more
    )
    return twin


def signed_up(nora: Client) -> str:
    assert choose_password(nora).status_code == 302
    return SignUp.objects.get().tyk_id


@pytest.mark.parametrize("refused", ["when it is looked for", "for good"])
def test_a_wrong_not_found_makes_no_second_account(box, nora, refused):
    """Tyk made it, lost the answer, and then says that there is no such address."""
    box.faults.add("createDeveloper", mode="reset_after", times=1)
    box.faults.add(
        "getDeveloperByEmail",
        mode="status",
        status=404,
        message="Could not retrieve object",
        times=2 if refused == "when it is looked for" else None,
    )
    box.faults.add("verifyCredentials", mode="status", status=500, times=1)
    assert choose_password(nora).status_code == 503

    let_the_quarantine_pass()
    choose_password(nora)

    assert addresses(box) == [NEW]
    assert SignUp.objects.get().state == "done"
    assert box.password_is(NEW, PASSWORD)


def test_a_late_twin_is_removed_and_its_owner_can_log_in(box, nora):
    kept = signed_up(nora)
    twin = late_twin(box)

    pull.run("developers")
    assert outbox.drain()["done"] >= 1

    assert [record["id"] for record in box.developers()] == [kept]
    assert Developer.objects.get(tyk_id=twin).gone_at is not None
    browser = Client()
    log_in(browser, NEW, PASSWORD)
    assert is_signed_in(browser)


def test_a_twin_of_another_sign_up_of_the_address_is_removed_too(box, nora):
    """Signed up once more after a lost answer, and then the first one landed."""
    other = SignUp.objects.create(
        email=NEW,
        email_key=NEW,
        state=SignUp.State.SENDING,
        expires_at=SignUp.objects.get().expires_at,
    )
    kept = signed_up_second(nora)
    instance = box.developers()[0]["fields"]["portal_ref"].partition(".")[0]
    box.add_developer(NEW, fields={"portal_ref": f"{instance}.{other.code}"})

    pull.run("developers")
    outbox.drain()

    assert [record["id"] for record in box.developers()] == [kept]


def signed_up_second(nora: Client) -> str:
    assert choose_password(nora).status_code == 302
    return SignUp.objects.get(state="done").tyk_id


@pytest.mark.parametrize("used", ["key", "too old", "copied"])
def test_what_is_not_provably_ours_waits_for_a_person(box, nora, used):
    signed_up(nora)
    twin = late_twin(box)
    if used == "key":
        box.issue_key(twin, box.add_policy("Gold"))
    if used == "too old":
        SignUp.objects.update(created_at="2020-01-01T00:00Z")
    if used == "copied":
        instance = box.developers()[0]["fields"]["portal_ref"].partition(".")[0]
        nobody = f"{instance}.00000000-0000-4000-8000-000000000000"
        box.edit_developer(twin, fields={"portal_ref": nobody})

    pull.run("developers")
    outbox.drain()

    assert addresses(box) == [NEW, NEW]
    row = Outbox.objects.get(kind="developer.twin")
    assert row.parked_reason.startswith("a second account of one address, and it ")


def test_an_account_without_our_marker_is_never_looked_at(box, nora):
    signed_up(nora)
    box.add_developer(NEW, fields={"Name": "Somebody else"})

    pull.run("developers")

    assert not Outbox.objects.filter(kind="developer.twin").exists()


def test_the_account_in_use_is_nobodys_twin(box, nora):
    signed_up(nora)

    pull.run("developers")

    assert not Outbox.objects.filter(kind="developer.twin").exists()
