"""Staff look developers up, press confirmed buttons, and never see a secret."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core import mail

from developers.models import Developer, ProfileEdit, User
from tests.cast import in_tyk
from tests.developers.steps import is_signed_in, words
from tests.factories import (
    PASSWORD,
    STAFF_PASSWORD,
    DeveloperFactory,
    KeyFactory,
    StaffFactory,
)
from tyk import outbox

pytestmark = pytest.mark.django_db

LIST = "/admin/developers/developer/"


def give(user: User, *names: str) -> User:
    rights = Permission.objects.filter(
        content_type__app_label="developers", codename__in=names
    )
    user.user_permissions.set(rights)
    return user


@pytest.fixture
def olga(db) -> User:
    """Staff who may look after developers."""
    staff = StaffFactory(name="Olga", email="olga@northwind.example")
    return give(staff, "view_developer", "change_developer")


def change(developer: Developer, act: str = "change") -> str:
    return f"{LIST}{developer.pk}/{act}/"


def test_list_shows_state_and_working_keys(alice, bob, olga, signed_in):
    Developer.objects.filter(pk=bob.pk).update(inactive=True)
    KeyFactory(developer=alice, state="revoked")

    page = words(signed_in(olga).get(LIST))

    assert "Alice Arnold alice@shop.example Active 1 " in page
    assert "Bob Brown bob@shop.example Switched off 0 " in page


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ALICE@shop", ["Alice Arnold"]),
        ("shop.example", ["Bob Brown", "Alice Arnold"]),
        ("brown", ["Bob Brown"]),
        ("nobody", []),
    ],
)
def test_search_by_part_of_address_or_name(typed, found, alice, bob, olga, signed_in):
    page = signed_in(olga).get(LIST, {"q": typed})
    assert [row.name for row in page.context["cl"].result_list] == found


def test_list_costs_the_same_for_many(
    olga, organisation, signed_in, django_assert_max_num_queries
):
    browser = signed_in(olga)
    counts = []
    for _ in range(2):
        for _ in range(5):
            KeyFactory(developer=DeveloperFactory())
        with django_assert_max_num_queries(12) as seen:
            browser.get(LIST)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_page_is_read_only(box, bob, olga, signed_in):
    browser = signed_in(olga)
    page = browser.get(change(bob))
    assert page.status_code == 200
    assert 'name="email"' not in page.content.decode()
    assert browser.post(change(bob), {"name": "Eve"}).status_code == 403
    assert browser.get(f"{LIST}add/").status_code == 403
    assert browser.post(change(bob, "delete"), {"post": "yes"}).status_code == 403
    bob.refresh_from_db()
    assert bob.name == "Bob Brown"


def test_deactivation_asks_first_and_is_written_down(box, bob, olga, signed_in):
    in_tyk(box, bob)
    browser = signed_in(olga)

    question = browser.get(change(bob, "deactivate"))
    assert "Their keys go on working" in words(question)
    assert ProfileEdit.objects.count() == 0

    done = browser.post(change(bob, "deactivate"), follow=True)
    assert "The account is being deactivated" in words(done)
    assert "Active, change on its way to Tyk" in words(done)
    outbox.drain()
    assert box.developer(bob.tyk_id)["inactive"] is True
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (
        olga,
        str(bob.pk),
        "Deactivate account",
    )


def test_password_link_goes_to_the_mailbox_only(box, bob, olga, signed_in):
    in_tyk(box, bob)
    done = signed_in(olga).post(change(bob, "password-link"), follow=True)
    outbox.drain()

    (message,) = mail.outbox
    assert message.to == [bob.email]
    assert "/password/reset/" in message.body
    assert "/password/reset/" not in done.content.decode()
    assert box.password_is(bob.email, PASSWORD)


def test_ending_sessions_asks_first_and_is_written_down(box, bob, olga, signed_in):
    theirs, browser = signed_in(bob), signed_in(olga)
    question = browser.get(change(bob, "end-sessions"))
    assert "Their keys go on working" in words(question)
    assert is_signed_in(theirs)

    done = browser.post(change(bob, "end-sessions"), follow=True)

    assert "Every session of the developer has ended" in words(done)
    assert not is_signed_in(theirs)
    assert is_signed_in(signed_in(bob))
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (
        olga,
        str(bob.pk),
        "End sessions",
    )
    assert box.journal.operations() == []


def test_what_is_so_already_is_not_done_again(box, bob, olga, signed_in):
    done = signed_in(olga).post(change(bob, "activate"), follow=True)
    assert "it is so already" in words(done)
    assert ProfileEdit.objects.count() == 0


def test_a_wish_that_tyk_has_not_yet_can_be_taken_back(box, bob, olga, signed_in):
    """The mirror still says "active": the page goes by what was wished."""
    in_tyk(box, bob)
    browser = signed_in(olga)
    browser.post(change(bob, "deactivate"))
    page = browser.get(change(bob)).content.decode()
    assert change(bob, "activate") in page
    assert change(bob, "deactivate") not in page
    twice = browser.post(change(bob, "deactivate"), follow=True)
    assert "it is so already" in words(twice)

    browser.post(change(bob, "activate"))
    outbox.drain()

    assert box.developer(bob.tyk_id)["inactive"] is False
    assert ProfileEdit.objects.filter(state=ProfileEdit.State.DUE).count() == 0
    assert change(bob, "deactivate") in browser.get(change(bob)).content.decode()


@pytest.mark.parametrize(
    "act", ["activate", "deactivate", "password-link", "end-sessions"]
)
def test_looking_is_not_doing(act, bob, sam, signed_in):
    browser = signed_in(give(sam, "view_developer"))
    assert "Deactivate account" not in words(browser.get(change(bob)))
    assert browser.get(change(bob, act)).status_code == 403
    assert browser.post(change(bob, act)).status_code == 403
    assert ProfileEdit.objects.count() == 0


@pytest.mark.parametrize("path", [LIST, "/admin/developers/user/"])
def test_others_stay_out(path, bob, sam, signed_in):
    assert signed_in(sam).get(path).status_code == 403
    assert signed_in(bob).get(path).status_code == 302


def test_pages_of_the_admin_ask_tyk_nothing(box, bob, olga, signed_in):
    box.hang()
    browser = signed_in(olga)
    for path in (LIST, change(bob), change(bob, "deactivate")):
        assert browser.get(path).status_code == 200
    assert box.journal.operations() == []


# --- Staff ---------------------------------------------------------------------------
@pytest.fixture
def root(db) -> User:
    return StaffFactory(name="Root", is_superuser=True)


def test_new_colleague_can_log_in(root, signed_in, client):
    typed = {
        "email": "New@Northwind.example",
        "name": "New",
        "usable_password": "true",
        "password1": STAFF_PASSWORD,
        "password2": STAFF_PASSWORD,
    }
    done = signed_in(root).post("/admin/developers/user/add/", typed)

    assert done.status_code == 302
    made = User.objects.get(email="new@northwind.example")
    assert (made.is_staff, made.is_superuser) == (True, False)
    entered = client.post(
        "/admin/login/",
        {"username": made.email, "password": STAFF_PASSWORD, "next": "/admin/"},
    )
    assert entered.headers["Location"] == "/admin/"


def test_two_colleagues_never_share_an_address(root, sam, signed_in):
    typed = {
        "email": "SAM@northwind.example",
        "usable_password": "true",
        "password1": STAFF_PASSWORD,
        "password2": STAFF_PASSWORD,
    }
    page = signed_in(root).post("/admin/developers/user/add/", typed)
    assert "has this address already" in words(page)


def test_developers_login_rows_are_not_listed(root, bob, signed_in):
    browser = signed_in(root)
    signed_in(bob)
    page = browser.get("/admin/developers/user/")
    assert [row.email for row in page.context["cl"].result_list] == [root.email]
    row = User.objects.get(developer=bob)
    edit = f"/admin/developers/user/{row.pk}/change/"
    assert browser.get(edit).status_code == 302
    password = f"/admin/developers/user/{row.pk}/password/"
    assert browser.get(password).status_code == 404


def test_rights_are_given_by_those_who_have_them_all(sam, signed_in):
    give(sam, "view_user", "change_user")
    browser = signed_in(sam)
    typed = {"email": sam.email, "name": "Sam", "is_active": "on"}
    browser.post(
        f"/admin/developers/user/{sam.pk}/change/", {**typed, "is_superuser": "on"}
    )
    sam.refresh_from_db()
    assert (sam.name, sam.is_superuser) == ("Sam", False)


def test_staff_page_opens(root, sam, signed_in):
    page = signed_in(root).get(f"/admin/developers/user/{sam.pk}/change/")
    assert page.status_code == 200
    assert STAFF_PASSWORD not in page.content.decode()
