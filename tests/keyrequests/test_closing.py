"""An account is closed: at once here, then in Tyk, and then forgotten."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.db import OperationalError
from django.test import Client

from developers import links, pull as people_pull, services as people
from developers.models import (
    BrowserSession,
    Choices,
    Developer,
    MailedLink,
    SignUp,
    User,
)
from keyrequests import closing, live, services
from keyrequests.errors import AlreadyDecided
from keyrequests.models import Event, Key, KeyRequest
from tests.developers.steps import ask_to_sign_up, is_signed_in, log_in, words
from tests.keyrequests.scene import Scene, build
from tests.test_secrets import database
from tyk import outbox, pull
from tyk.connect import dashboard
from tyk.models import Lane, Outbox

pytestmark = pytest.mark.django_db(transaction=True)

MIRA, PASSWORD = "mira@tinfold.example", "correct horse"
CLOSE = "/account/close/"
TYPED = {"email": MIRA, "current": PASSWORD}


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


@pytest.fixture
def browser(scene) -> Client:
    """Mira, signed in by her password, with a key, and a request in review."""
    shown = live.claim(scene.approved())
    Key.objects.filter(pk=shown.key.pk).update(name="Bakery app")
    scene.ask()
    scene.deliver()
    mail.outbox.clear()
    visitor = Client()
    log_in(visitor, MIRA, PASSWORD)
    return visitor


def work(*, rounds: int = 4) -> None:
    """The worker, with time passing between its rounds."""
    for _ in range(rounds):
        Outbox.objects.filter(lease_until=None).update(next_at="2020-01-01T00:00Z")
        Lane.objects.exclude(until=None).update(until="2020-01-01T00:00Z")
        outbox.drain()


def developer() -> Developer:
    return Developer.objects.get()


# --- The page --------------------------------------------------------------------------
def test_the_page_names_what_will_end(browser):
    for path in ("/account/data/", CLOSE):
        page = words(browser.get(path))
        assert "1 working key ends" in page
        assert "Bakery app" in page
        assert "1 open request is withdrawn" in page
        assert "cannot be undone" in page


def test_nothing_to_lose_is_said_too(scene, signed_in):
    page = words(signed_in(scene.developer).get(CLOSE))

    assert "no working key and no open request" in page


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (
            {"email": MIRA, "current": "wrong horse"},
            "The current password is not right",
        ),
        ({"email": "x@tinfold.example", "current": PASSWORD}, f"This is not {MIRA}"),
        ({"email": "", "current": ""}, "Type your current password"),
    ],
)
def test_who_does_not_prove_it_closes_nothing(browser, box, typed, told):
    page = browser.post(CLOSE, typed)

    assert told in words(page)
    assert developer().closed_at is None
    assert is_signed_in(browser)
    work()
    assert len(list(box.keys())) == 1


def test_while_the_dashboard_is_away_nothing_is_closed(browser, box):
    box.refuse()

    page = browser.post(CLOSE, TYPED)

    assert page.status_code == 503
    assert "Your account was not closed" in words(page)
    assert developer().closed_at is None


def test_guessing_the_password_here_is_throttled(browser):
    wrong = {**TYPED, "current": "wrong horse"}
    answers = [browser.post(CLOSE, wrong).status_code for _ in range(6)]

    assert answers == [200] * 5 + [429]


def test_strangers_and_staff_log_in_first(scene, sam, signed_in):
    for visitor in (Client(), signed_in(sam)):
        assert visitor.get(CLOSE).headers["Location"] == f"/login/?next={CLOSE}"
        assert visitor.post(CLOSE, TYPED).status_code == 302
    assert developer().closed_at is None


# --- At once, here -----------------------------------------------------------------------
def test_it_is_over_at_once_and_tyk_follows(browser, box):
    elsewhere = Client()
    log_in(elsewhere, MIRA, PASSWORD)

    done = browser.post(CLOSE, TYPED, follow=True)

    assert "Your account is closed" in words(done)
    assert not is_signed_in(browser)
    assert not is_signed_in(elsewhere)
    assert Key.objects.get().state == Key.State.REVOKING
    assert KeyRequest.objects.latest("pk").status == KeyRequest.Status.WITHDRAWN
    page = log_in(Client(), MIRA, PASSWORD)
    assert "This account is closed" in words(page)

    work()

    assert list(box.keys()) == []
    assert [r for r in box.requests() if not r["approved"]] == []
    assert box.world.store.get("developers", developer().tyk_id) is None
    assert Outbox.objects.exclude(parked_reason="").count() == 0
    assert not outbox.due().exists()
    [farewell] = mail.outbox
    assert (farewell.to, farewell.subject) == (
        [MIRA],
        "Your account at Northwind APIs is closed",
    )


def test_while_the_dashboard_is_away_it_is_closed_here_and_followed_later(
    browser, scene, box
):
    """The password was proved; then the Dashboard went."""
    closing.close(scene.developer)
    box.refuse()

    work()

    assert not is_signed_in(browser)
    assert len(list(box.keys())) == 1, "and the page of the row says so"
    row = Outbox.objects.get(kind="developer.close")
    assert (row.parked_reason, row.attempts) == ("", 0)
    box.heal()
    work()
    assert list(box.keys()) == []
    assert developer().erased_at is not None


def test_closing_twice_is_closing_once(browser, scene):
    assert closing.close(scene.developer)
    assert not closing.close(scene.developer)
    work()
    assert len(mail.outbox) == 1


def test_both_or_nothing(browser, scene, monkeypatch):
    """A database that fails in the middle leaves the account as it was."""

    def fail(*_args: object, **_more: object) -> None:
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(services, "revoke", fail)
    with pytest.raises(OperationalError):
        closing.close(scene.developer)

    assert developer().closed_at is None
    assert is_signed_in(browser)


# --- Forgotten ------------------------------------------------------------------------------
def test_nothing_personal_stays(browser, scene):
    people.edit_profile(scene.developer, fields={"Name": "Mira T. Tal"})
    people.ask_for_new_address(scene.developer, address="mira@newhome.example")
    people.sign_up(MIRA, fields={"Name": "Mira Tal"})
    Choices.objects.create(developer=scene.developer)
    pull.run("developers")
    assert developer().digest
    assert developer().agreed
    assert [t for t, text in database().items() if "mira" in text.lower()]

    browser.post(CLOSE, TYPED)
    work(rounds=6)

    left = {t for t, text in database().items() if "mira" in text.lower()}
    assert left == set()
    gone = developer()
    assert (gone.name, gone.email, gone.fields) == ("Closed account", "", {})
    # A guess of both could be tried against these.
    assert (gone.digest, gone.agreed) == ("", "")
    assert gone.closed_at
    assert gone.gone_at
    assert gone.erased_at
    assert gone.closed_at < gone.gone_at < gone.erased_at
    assert not User.objects.filter(is_staff=False).exists()
    for rows in (BrowserSession.objects, MailedLink.objects, SignUp.objects):
        assert not rows.exists()
    assert not Choices.objects.exists()
    assert Key.objects.get().name == ""
    assert set(KeyRequest.objects.values_list("project", flat=True)) == {""}
    # The company's books stay: who of staff decided, and when.
    approved = Event.objects.get(verb=Event.Verb.APPROVED)
    assert approved.actor == "rita@northwind.example"


def test_an_earlier_name_does_not_stay_either(browser, scene, box):
    """Who sent, claimed and revoked as Mira Tal is called Jo Vance by now."""
    services.withdraw(KeyRequest.objects.get(status=KeyRequest.Status.PENDING))
    services.revoke(Key.objects.get(), actor=scene.developer)
    box.edit_developer(scene.developer.tyk_id, fields={"Name": "Jo Vance"})
    pull.run("developers")
    assert developer().name == "Jo Vance"
    assert Event.objects.filter(actor="Mira Tal").count() == 5

    browser.post(CLOSE, TYPED)
    work(rounds=6)

    assert developer().erased_at
    text = " ".join(database().values()).lower()
    assert "mira" not in text
    assert "vance" not in text


def test_what_staff_did_keeps_their_name(browser, scene):
    """Whoever of staff is called as the developer was stays in the books."""
    staff = User.objects.get(email="rita@northwind.example")
    staff.name = "Mira Tal"
    staff.save()
    declined = KeyRequest.objects.get(status=KeyRequest.Status.PENDING)
    services.decline(declined, by=staff, reason="Not this year.")

    browser.post(CLOSE, TYPED)
    work(rounds=6)

    assert developer().erased_at
    event = declined.events.get(verb=Event.Verb.DECLINED)
    assert (event.actor, event.note) == ("Mira Tal", "Not this year.")


def test_a_list_that_lags_does_not_bring_it_back(browser, scene, box):
    old = dashboard().developer(scene.developer.tyk_id)
    browser.post(CLOSE, TYPED)
    work()

    people_pull.apply([old])

    assert developer().email == ""
    assert developer().gone_at is not None


def test_a_request_made_in_tyk_does_not_bring_it_back(browser, scene, box):
    browser.post(CLOSE, TYPED)
    work(rounds=6)
    known = KeyRequest.objects.count()
    box.add_request(
        scene.developer.tyk_id, scene.policy, fields={"Name": "Mira of Tinfold"}
    )

    pull.run("pending")

    assert KeyRequest.objects.count() == known
    assert not [t for t, text in database().items() if "Mira of" in text]


def test_the_log_of_staff_keeps_no_name(browser, scene, sam):
    LogEntry.objects.create(
        user=sam,
        content_type=ContentType.objects.get_for_model(Developer),
        object_id=str(scene.developer.pk),
        object_repr="Mira Tal",
        action_flag=2,
        change_message="Ended sessions",
    )

    browser.post(CLOSE, TYPED)
    work(rounds=6)

    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message, entry.user) == (
        "Closed account",
        "Ended sessions",
        sam,
    )


def test_no_mail_follows_the_farewell(browser, scene):
    outbox.enqueue("mail.password_changed", scene.developer.code)
    browser.post(CLOSE, TYPED)
    work(rounds=6)

    assert "password" not in " ".join(str(m.subject) for m in mail.outbox).lower()
    assert not Outbox.objects.exclude(parked_reason="").exists()


def test_the_address_is_free_again(browser, box):
    browser.post(CLOSE, TYPED)
    newcomer = Client()
    ask_to_sign_up(newcomer, MIRA)
    assert [m.to for m in mail.outbox] == [[MIRA]], "the farewell; the link waits"

    work(rounds=6)
    ask_to_sign_up(newcomer, MIRA)
    work()

    assert "Confirm" in mail.outbox[-1].subject


# --- Whatever is in the way ---------------------------------------------------------------------
def test_a_key_nobody_pulled_yet_is_revoked_too(browser, scene, box):
    by_hand = box.issue_key(scene.developer.tyk_id, scene.policy)
    assert by_hand
    assert len(list(box.keys())) == 2

    browser.post(CLOSE, TYPED)
    work()

    assert list(box.keys()) == []


def test_a_claim_that_ends_after_the_closing_is_revoked(browser, scene, box):
    """Two tabs: one reveals a key while the other closes the account."""
    request = scene.ask(entry=scene.automatic)
    scene.deliver()
    request.refresh_from_db()
    closing.close(scene.developer)
    KeyRequest.objects.filter(pk=request.pk).update(status=KeyRequest.Status.APPROVED)
    live.claim(request)
    assert len(list(box.keys())) == 2

    work(rounds=6)

    assert list(box.keys()) == []
    assert developer().erased_at is not None


def test_an_approved_request_lapses_and_leaves_tyk(scene, box):
    request = scene.approved()

    closing.close(scene.developer)
    work()

    request.refresh_from_db()
    assert request.status == KeyRequest.Status.LAPSED
    assert list(box.requests()) == []


def test_a_key_tyk_does_not_revoke_keeps_the_row_open_and_told(browser, scene, box):
    box.faults.add("revokeDeveloperKey", mode="status", status=400, message="No.")
    browser.post(CLOSE, TYPED)

    work()

    assert Outbox.objects.get(kind="key.revoke").parked_reason != ""
    row = Outbox.objects.get(kind="developer.close")
    assert row.last_outcome == "waits for keys to be revoked"
    assert developer().email == MIRA, "the farewell and the desk still need it"
    box.heal()
    outbox.try_again(Outbox.objects.get(kind="key.revoke").pk)
    work()
    assert developer().erased_at is not None


def test_a_developer_tyk_does_not_delete_is_parked(browser, scene, box):
    box.faults.add("deleteDeveloper", mode="status", status=400, message="No.")
    browser.post(CLOSE, TYPED)

    work(rounds=12)

    assert Outbox.objects.get(kind="developer.close").parked_reason != ""


def test_a_lie_that_it_is_gone_is_looked_into(browser, scene, box):
    """A replica or a proxy says 404 to the deletion; the record is still there."""
    box.faults.add("deleteDeveloper", mode="status", status=404, message="No.", times=1)
    browser.post(CLOSE, TYPED)

    work(rounds=1)
    assert developer().gone_at is None
    work(rounds=3)

    assert box.world.store.get("developers", scene.developer.tyk_id) is None
    assert developer().erased_at is not None


def test_gone_from_tyk_already_is_well(browser, scene, box):
    browser.post(CLOSE, TYPED)
    box.delete_developer(scene.developer.tyk_id)

    work(rounds=6)

    assert developer().erased_at is not None
    assert not outbox.due().exists()


def test_reset_links_and_new_addresses_end_with_it(browser, scene):
    people.ask_for_reset(MIRA)
    people.ask_for_new_address(scene.developer, address="mira@newhome.example")
    outbox.drain()
    mail.outbox.clear()

    closing.close(scene.developer)

    assert not any(links.is_open(link) for link in MailedLink.objects.all())
    people.ask_for_reset(MIRA)
    people.send_reset_link(scene.developer)
    outbox.drain()
    assert {m.subject for m in mail.outbox} == {
        "Your account at Northwind APIs is closed"
    }


def test_nobody_of_staff_gives_it_access(browser, scene):
    closing.close(scene.developer)
    gone = developer()

    assert not gone.may_enter
    with pytest.raises(AlreadyDecided):
        services.approve(KeyRequest.objects.latest("pk"), by=scene.reviewer)
    pull.run("developers")
    assert developer().closed_at is not None
