"""Sign-up, confirmation, login and logout, as a browser sees them."""

import pytest
from django.test import Client

from developers.models import Developer, SignUp, User
from tests.developers.steps import NEW, link_in
from tests.factories import PASSWORD
from tyk import outbox

pytestmark = pytest.mark.django_db(transaction=True)


def test_sign_up_confirm_log_in_log_out(box, organisation, mailoutbox):
    browser = Client()
    sent = browser.post(
        "/sign-up/",
        {"email": "Nora@Tinfold.example", "name": "Nora", "company": "Tinfold"},
        follow=True,
    )
    assert sent.redirect_chain == [("/sign-up/sent/", 302)]
    assert "We sent a link to <b>Nora@Tinfold.example</b>" in sent.content.decode()
    assert box.developers() == []

    outbox.drain()
    (mail,) = mailoutbox
    assert (mail.subject, mail.to) == (
        "Confirm your address for Northwind APIs",
        [NEW],
    )
    assert box.developers() == []

    page = browser.get(link_in(mail), follow=True)
    assert page.redirect_chain == [("/confirm/", 302)]
    assert f"for {NEW}" in page.content.decode()
    assert box.developers() == []

    typed = {"password": PASSWORD, "again": PASSWORD}
    done = browser.post("/confirm/", typed, follow=True)
    assert done.redirect_chain == [("/catalogue/", 302)]
    assert "does not yet give access to an API" in done.content.decode()
    (made,) = box.developers()
    signup = SignUp.objects.get()
    assert made["email"] == NEW
    assert made["inactive"] is False
    assert made["fields"] == {
        "Name": "Nora",
        "Company": "Tinfold",
        "portal_ref": f"1a2b3c4d.{signup.code}",
    }
    assert box.password_is(NEW, PASSWORD)
    row = Developer.objects.get()
    assert (row.tyk_id, row.email, row.name) == (made["id"], NEW, "Nora")
    assert row.fields == {"Name": "Nora", "Company": "Tinfold"}
    assert (signup.state, signup.tyk_id) == ("done", made["id"])
    assert User.objects.get().developer == row
    assert not User.objects.get().has_usable_password()

    assert browser.get("/account/").status_code == 200
    assert browser.post("/logout/").headers["Location"] == "/"
    assert browser.get("/account/").headers["Location"] == "/login/?next=/account/"

    typed = {"email": "NORA@tinfold.example", "password": PASSWORD}
    back = browser.post("/login/?next=/account/", {**typed, "next": "/account/"})
    assert (back.status_code, back.headers["Location"]) == (302, "/account/")
    assert browser.get("/account/").status_code == 200
    assert User.objects.count() == 1
