"""The one login table: what it can't hold, and which backend takes what."""

import inspect

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.test import Client

from developers import backends, services
from developers.models import User
from tests.developers.steps import words
from tests.factories import STAFF_PASSWORD, DeveloperFactory, StaffFactory
from tyk import lanes
from tyk.models import Outbox

pytestmark = pytest.mark.django_db


def rejected(**members) -> bool:
    try:
        with transaction.atomic():
            User.objects.create(**members)
    except IntegrityError as error:
        return "staff_or_developer" in str(error)
    return False


def test_database_refuses_anything_between_staff_and_developer(bob):
    unusable = make_password(None)
    assert rejected(is_staff=True, password="x")
    assert rejected(is_staff=True, email="s@x.example", developer=bob, password="x")
    assert rejected(developer=bob, password="pbkdf2_sha256$usable")
    assert rejected(developer=bob, is_superuser=True, password=unusable)
    assert rejected(developer=bob, is_staff=True, password=unusable)
    assert rejected(developer=bob, email="b@x.example", password=unusable)
    assert rejected(password=unusable)
    assert User.objects.count() == 0


def test_login_row_is_made_once(bob):
    first, second = services.user_of(bob), services.user_of(bob)
    assert first == second
    assert (first.is_staff, first.email, first.has_usable_password()) == (
        False,
        None,
        False,
    )


def parameters(backend) -> set[str]:
    signature = inspect.signature(backend.authenticate)
    kinds = inspect.Parameter
    return {
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind is kinds.KEYWORD_ONLY and parameter.default is kinds.empty
    }


def test_no_credentials_bind_to_both_backends():
    developer = parameters(backends.TykBackend())
    staff = parameters(backends.StaffBackend())
    assert developer == {"developer_email", "developer_password"}
    assert staff == {"username", "password"}


def test_staff_credentials_never_reach_tyk(box, sam):
    assert authenticate(None, username=sam.email, password=STAFF_PASSWORD) == sam
    assert authenticate(None, username=sam.email, password="wrong") is None
    assert box.journal.operations() == []


def test_developers_backend_knows_no_staff(sam, bob):
    backend = backends.TykBackend()
    assert backend.get_user(sam.pk) is None
    assert backend.get_user(services.user_of(bob).pk) is not None
    assert backends.StaffBackend().get_user(services.user_of(bob).pk) is None


@pytest.mark.parametrize("_case", ["wrong password", "switched off", "unknown"])
def test_staff_are_refused(_case, sam):
    password = STAFF_PASSWORD
    address = sam.email
    if _case == "wrong password":
        password = "wrong"
    elif _case == "switched off":
        User.objects.update(is_active=False)
    else:
        address = "nobody@northwind.example"
    page = Client().post("/admin/login/", {"username": address, "password": password})
    assert "enter the correct email and password" in words(page)


def test_staff_address_in_another_case(sam):
    assert authenticate(None, username="SAM@Northwind.example", password=STAFF_PASSWORD)


def test_staff_guessing_is_throttled(sam):
    for _ in range(5):
        Client().post("/admin/login/", {"username": sam.email, "password": "wrong"})
    page = Client().post(
        "/admin/login/", {"username": sam.email, "password": STAFF_PASSWORD}
    )
    assert "Too many attempts. Wait 5 minutes" in words(page)


def test_ended_sessions_are_ended_for_that_developer_only(bob, charlie, signed_in):
    bobs, charlies = signed_in(bob), signed_in(charlie)
    services.end_sessions(bob)
    assert bobs.get("/account/").status_code == 302
    assert charlies.get("/account/").status_code == 200


def test_wish_to_switch_off_ends_sessions_at_once_and_takes_the_lane(bob, signed_in):
    browser = signed_in(bob)
    services.set_active(bob, active=False)
    assert browser.get("/account/").status_code == 302
    row = Outbox.objects.get()
    assert (row.kind, row.subject) == ("developer.profile", str(bob.code))
    assert row.lane == lanes.for_developer(bob.tyk_id)


def test_later_wish_takes_the_earlier_ones_place(bob):
    services.set_active(bob, active=False)
    services.set_active(bob, active=True)
    (edit,) = bob.profileedit_set.all()
    assert edit.after == {"inactive": False}


def test_candidates_of_an_address():
    first = DeveloperFactory(email="Twin@shop.example")
    assert services.who_has(" TWIN@shop.example").exact == first
    second = DeveloperFactory(email="twin@shop.example")
    assert services.who_has("Twin@shop.example").exact == first
    assert services.who_has("twin@shop.example").exact == second
    assert services.who_has("TWIN@shop.example").several == (first, second)
    DeveloperFactory(email="twin@shop.example")
    assert services.who_has("twin@shop.example").exact is None
    assert services.who_has("nobody@shop.example").several == ()


def test_superuser_from_the_command_line():
    user = User.objects.create_superuser("Root@Northwind.Example", "long-enough-123")
    assert (user.is_staff, user.is_superuser) == (True, True)
    assert user.email == "Root@northwind.example"
    assert StaffFactory().check_password(STAFF_PASSWORD)
