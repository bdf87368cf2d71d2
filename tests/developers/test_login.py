"""Login lets in nothing but a proof, and says the right thing otherwise."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from developers import live, services, throttle
from developers.errors import Throttled
from developers.models import Developer, User
from tests.cast import in_tyk
from tests.developers.steps import is_signed_in, log_in, words
from tests.factories import PASSWORD, STAFF_PASSWORD, DeveloperFactory, StaffFactory
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db

AWAY = "Login is not available right now"
WRONG = "E-mail or password is not right"
OFF = "This account is switched off"


@pytest.fixture
def dora(box, organisation) -> Developer:
    """A developer in the mirror and in Tyk."""
    row = DeveloperFactory(name="Dora", email="dora@shop.example")
    return in_tyk(box, row)


def failures_left(address: str) -> int:
    """How many wrong tries the address has left: spends them all."""
    for tried in range(30):
        try:
            throttle.spend("login", address=address)
        except Throttled:
            return tried
    raise AssertionError("no limit")


def another_organisation(box, dora):
    box.switch(foreign_records="shown")
    box.edit_developer(dora.tyk_id, org_id="5e9d9544a1dcd60001d0ffff")


def same_address_elsewhere(box, dora):
    box.edit_developer(dora.tyk_id, email="somebody@else.example")
    box.add_developer("dora@shop.example", password=PASSWORD)


def fault(
    mode: str, operation: str = "verifyCredentials", **options: Any
) -> Callable[[Sandbox, Developer], object]:
    return lambda box, dora: box.faults.add(operation, mode=mode, **options)


REFUSED = {
    "wrong password": (None, "not-the-password-1", 200, WRONG),
    "switched off": (
        lambda box, dora: box.edit_developer(dora.tyk_id, inactive=True),
        PASSWORD,
        200,
        OFF,
    ),
    "switched off, wrong password": (
        lambda box, dora: box.edit_developer(dora.tyk_id, inactive=True),
        "not-the-password-1",
        200,
        WRONG,
    ),
    "gone from Tyk": (
        lambda box, dora: box.delete_developer(dora.tyk_id),
        PASSWORD,
        200,
        WRONG,
    ),
}
AWAYS = {
    "another organisation": another_organisation,
    "another address read back": same_address_elsewhere,
    "html 200": fault("html_200"),
    "html 200 on the read-back": fault("html_200", "getDeveloper"),
    "redirect": fault("redirect"),
    "redirect to the same host": fault("redirect", url="/api/portal/configuration"),
    "204": fault("empty_204"),
    "500": fault("status", status=500),
    "503 of a proxy": fault("status_plain", status=503),
    "403 on our key": fault(
        "status", status=403, message="access denied: You do not have permission"
    ),
    "429": fault("status", status=429, headers={"Retry-After": "5"}),
    "200 with Status Error": fault(
        "status", status=200, body=json.dumps({"Status": "Error", "Message": "no"})
    ),
    "200 with other JSON": fault("status", status=200, body='{"ok": true}'),
    "200 with other text": fault("status_plain", status=200, body="Welcome"),
    "timeout": fault("hang"),
    "reset": fault("refuse_connection"),
    "truncated": fault("truncated"),
    "drip": fault("drip", seconds=0.2),
    "refused": lambda box, dora: box.refuse(),
    "rotated Dashboard key": lambda box, dora: box.rotate_api_key(),
    "canary fails": lambda box, dora: (
        box.edit_developer(dora.tyk_id, password="another-password-9"),
        box.faults.add("getPortalConfiguration", mode="status", status=500),
    ),
    "read-back fails": fault("status", "getDeveloper", status=500),
    "inactive is no boolean": fault(
        "wrong_types", "getDeveloper", members=("inactive",)
    ),
}


@pytest.mark.parametrize("_case", REFUSED)
def test_refused(_case, box, dora):
    arrange, password, status, sentence = REFUSED[_case]
    if arrange:
        arrange(box, dora)
    browser = Client()

    page = log_in(browser, dora.email, password)

    assert page.status_code == status
    assert sentence in words(page)
    assert AWAY not in words(page)
    assert 'value="dora@shop.example"' in page.content.decode()
    assert password not in page.content.decode()
    assert not is_signed_in(browser)
    assert User.objects.count() == 0


@pytest.mark.parametrize("_case", AWAYS)
def test_no_proof_is_nobodys_failure(_case, box, dora, settings):
    settings.TYK_LOGIN_DEADLINE = 0.4
    settings.TYK_CONNECT_TIMEOUT = 0.2
    AWAYS[_case](box, dora)
    browser = Client()

    page = log_in(browser, dora.email)

    assert page.status_code == 503
    assert AWAY in words(page)
    assert f"Reference {page.headers['X-Request-ID']}" in words(page)
    assert WRONG not in words(page)
    assert 'value="dora@shop.example"' in page.content.decode()
    assert PASSWORD not in page.content.decode()
    assert not is_signed_in(browser)
    assert User.objects.count() == 0
    assert failures_left(dora.email) == 5


def test_empty_password_never_reaches_tyk(box, dora):
    page = log_in(Client(), dora.email, "")

    assert "Type your password" in words(page)
    assert box.journal.operations() == []


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"email": "a\x00@x.example"}, "This holds an invisible character."),
        ({"password": "a\x00b"}, "This holds an invisible character."),
        ({"password": "x" * 1001}, "A password has at most 1000 characters"),
        ({"email": "x" * 255}, "An e-mail address has at most 254 characters"),
    ],
)
def test_odd_input_is_told_in_our_words(typed, told, box, dora):
    whole = {"email": dora.email, "password": PASSWORD, **typed}

    page = Client().post("/login/", whole)

    assert told in words(page)
    assert "Null characters" not in words(page)
    assert "Ensure" not in words(page)
    assert box.journal.operations() == []


STAFF_HERE = "You are logged in as staff. This page belongs to a developer account."


def test_staff_are_told_why_they_must_log_in(organisation, sam, signed_in):
    page = signed_in(sam).get("/keys/", follow=True)

    assert page.redirect_chain == [("/login/?next=/keys/", 302)]
    assert STAFF_HERE in words(page)


def test_strangers_are_not_called_staff(organisation, sam, signed_in):
    assert STAFF_HERE not in words(Client().get("/keys/", follow=True))
    assert STAFF_HERE not in words(signed_in(sam).get("/login/"))


def test_unknown_and_wrong_are_told_the_same(box, dora):
    pages = [
        log_in(Client(), address, "not-the-password-1").content.decode()
        for address in ("dora@shop.example", "nobody@shop.example")
    ]

    masked = [
        page.replace("nobody@shop.example", "dora@shop.example") for page in pages
    ]
    without_tokens = [
        "\n".join(
            line for line in page.split("\n") if "csrfmiddlewaretoken" not in line
        )
        for page in masked
    ]
    assert without_tokens[0] == without_tokens[1]
    assert WRONG in pages[0]


def test_tyks_own_spelling_is_verified(box, organisation):
    row = DeveloperFactory(email="Dora.Day@Shop.example")
    in_tyk(box, row)
    browser = Client()

    assert log_in(browser, "dora.day@shop.example").status_code == 302
    assert is_signed_in(browser)


def test_unknown_to_the_mirror_is_found_by_address(box, organisation):
    made = box.add_developer("new@shop.example", password=PASSWORD)
    browser = Client()

    assert log_in(browser, " new@shop.example ").status_code == 302
    assert Developer.objects.get().tyk_id == made
    assert box.journal.operations()[-1] == "getDeveloperByEmail"
    assert "listDevelopers" not in box.journal.operations()


def test_deleted_and_made_again_enters_as_the_new_one(box, dora):
    box.delete_developer(dora.tyk_id)
    made = box.add_developer(dora.email, password=PASSWORD)
    browser = Client()

    assert log_in(browser, dora.email).status_code == 302
    assert User.objects.get().developer == Developer.objects.get(tyk_id=made)
    dora.refresh_from_db()
    assert dora.gone_at is not None


def test_exact_spelling_wins_among_several(box, organisation):
    upper = in_tyk(box, DeveloperFactory(email="Twin@shop.example"))
    in_tyk(box, DeveloperFactory(email="twin@shop.example"), password="other-one-12345")
    browser = Client()

    assert log_in(browser, "Twin@shop.example").status_code == 302
    assert User.objects.get().developer == upper


def test_several_and_none_exact_says_contact_support(box, organisation):
    for spelling in ("Twin@shop.example", "TWIN@shop.example"):
        in_tyk(box, DeveloperFactory(email=spelling))
    browser = Client()

    page = log_in(browser, "twin@shop.example")

    assert "Several accounts have this address" in words(page)
    assert "api-support@testserver" in words(page)
    assert not is_signed_in(browser)
    wrong = log_in(browser, "twin@shop.example", "not-the-password-1")
    assert WRONG in words(wrong)


def test_staff_password_is_nothing_to_tyk(box, dora):
    StaffFactory(email="dora@shop.example")
    browser = Client()

    page = log_in(browser, "dora@shop.example", STAFF_PASSWORD)

    assert WRONG in words(page)
    assert not is_signed_in(browser)


def test_developer_with_a_staff_address_never_becomes_staff(box, dora):
    staff = StaffFactory(email="dora@shop.example", is_superuser=True)
    browser = Client()

    assert log_in(browser, "dora@shop.example").status_code == 302

    entered = User.objects.exclude(pk=staff.pk).get()
    assert (entered.developer, entered.is_staff) == (dora, False)
    assert browser.get("/admin/").status_code == 302


def test_staff_password_goes_to_the_admin_and_never_to_tyk(box, sam):
    browser = Client()

    response = browser.post(
        "/admin/login/?next=/admin/",
        {"username": sam.email, "password": STAFF_PASSWORD, "next": "/admin/"},
    )

    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200
    assert box.journal.operations() == []


def test_staff_log_in_while_tyk_is_away(box, sam):
    box.refuse()
    response = Client().post(
        "/admin/login/",
        {"username": sam.email, "password": STAFF_PASSWORD, "next": "/admin/"},
    )
    assert response.status_code == 302


def test_developers_password_is_nothing_to_the_admin(box, dora):
    page = Client().post(
        "/admin/login/", {"username": dora.email, "password": PASSWORD}
    )
    assert "enter the correct email and password" in words(page)
    assert box.journal.operations() == []


def test_five_wrong_tries_then_a_wait_and_no_call_to_tyk(box, dora):
    browser = Client()
    for _ in range(5):
        log_in(browser, dora.email, "not-the-password-1")
    box.journal.clear()

    page = log_in(browser, dora.email)

    assert page.status_code == 429
    assert 0 < int(page.headers["Retry-After"]) <= 300
    assert "Wait 5 minutes, then try again" in words(page)
    assert box.journal.operations() == []
    assert not is_signed_in(browser)


def test_unknown_addresses_are_throttled_alike(box, organisation):
    for _ in range(5):
        log_in(Client(), "nobody@shop.example", "not-the-password-1")
    assert log_in(Client(), "NOBODY@shop.example").status_code == 429


def test_right_tries_count_for_nothing(box, dora):
    for _ in range(8):
        assert log_in(Client(), dora.email).status_code == 302


def test_review_is_told_after_the_right_password_only(box, dora, settings):
    settings.SIGNUP_REVIEW = True
    box.edit_developer(dora.tyk_id, inactive=True)

    assert "Typical wait: about 1 working day" in words(log_in(Client(), dora.email))
    assert WRONG in words(log_in(Client(), dora.email, "not-the-password-1"))


def test_who_proved_the_old_password_while_it_was_reset_is_signed_out(
    box, dora, monkeypatch
):
    log_in(Client(), dora.email)
    thief, proved = Client(), live.sign_in

    def reset_meanwhile(*told: Any, **more: Any) -> Developer:
        developer = proved(*told, **more)
        services.password_was_changed(dora)
        return developer

    monkeypatch.setattr(live, "sign_in", reset_meanwhile)
    log_in(thief, dora.email)

    assert not is_signed_in(thief)


def test_an_account_that_staff_switched_off_is_closed_before_tyk_knows(box, dora):
    services.set_active(dora, active=False)
    browser = Client()

    page = log_in(browser, dora.email)

    assert not box.developer(dora.tyk_id)["inactive"]
    assert OFF in words(page)
    assert not is_signed_in(browser)


def test_it_is_open_again_once_staff_switched_it_on(box, dora):
    services.set_active(dora, active=False)
    services.set_active(dora, active=True)
    browser = Client()

    log_in(browser, dora.email)

    assert is_signed_in(browser)
