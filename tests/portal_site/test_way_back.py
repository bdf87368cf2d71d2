"""Pages that turn somebody away, and whether their way on can be opened."""

import re

import pytest
from django.test import Client, RequestFactory

from portal_site.way_back import page_before

KEY = "/keys/8d09598d-20dc-4bb2-bf32-ad39574a045b/"


@pytest.fixture
def strict() -> Client:
    """A browser whose forms need their token."""
    return Client(enforce_csrf_checks=True)


def way_on(text: str) -> str:
    found = re.search(r'class="btn btn-primary" href="([^"]*)"', text)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("referrer", "back"),
    [
        ("http://testserver/keys/?show=active", "/keys/?show=active"),
        ("https://evil.example/keys/", KEY),
        ("http://testserver@evil.example/", KEY),
        ("http://testserver//evil.example/", "/evil.example/"),
        ("javascript:alert(1)", KEY),
        ("", KEY),
    ],
)
def test_the_way_back_is_the_page_before_if_it_is_ours(referrer, back) -> None:
    headers = {"referer": referrer} if referrer else {}
    request = RequestFactory().post(f"{KEY}rename/", headers=headers)

    assert page_before(request) == back


@pytest.mark.parametrize(
    ("path", "above"),
    [("/login/", "/"), (f"{KEY}rename/", KEY), ("/theme/", "/"), ("/nowhere/x/", "/")],
)
def test_without_a_page_before_it_is_the_nearest_above(path: str, above: str) -> None:
    assert page_before(RequestFactory().get(path)) == above


def test_a_reloaded_address_is_not_its_own_way_back() -> None:
    path = f"{KEY}rename/"
    headers = {"referer": f"http://testserver{path}"}

    assert page_before(RequestFactory().get(path, headers=headers)) == KEY


def test_an_address_for_forms_alone_is_a_page_with_a_way_on(client: Client) -> None:
    response = client.get("/logout/")

    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert "This address only takes a form" in response.text
    assert response["X-Request-ID"] in response.text
    assert way_on(response.text) == "/"


def test_machines_get_no_page_with_a_405(client: Client) -> None:
    response = client.get("/logout/", headers={"accept": "application/json"})

    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert response.content == b""


def test_an_expired_form_leads_to_the_page_it_stood_on(strict: Client) -> None:
    headers = {"referer": f"http://testserver{KEY}"}
    response = strict.post(f"{KEY}rename/", {"name": "x"}, headers=headers)

    assert response.status_code == 403
    assert way_on(response.text) == KEY


def test_cookies_are_blamed_only_where_none_came(strict: Client) -> None:
    without = strict.post("/login/").text
    strict.cookies["theme"] = "dark"
    with_one = strict.post("/login/").text

    assert "Your browser sent no cookie" in without
    assert "cookie" not in with_one
    assert "logged in or out in another tab" in with_one


@pytest.mark.parametrize("path", ["/login/", "/confirm/"])
def test_logging_in_twice_is_no_expired_form(strict, alice, signed_in, path) -> None:
    strict.cookies = signed_in(alice).cookies
    response = strict.post(path, {"email": "x"}, follow=True)

    assert response.redirect_chain == [("/", 302)]
    assert "You are logged in already." in response.text


def test_staff_who_log_in_twice_come_to_their_pages(strict, rita, signed_in) -> None:
    strict.cookies = signed_in(rita).cookies

    assert strict.post("/admin/login/")["Location"] == "/admin/"


def test_other_forms_of_the_logged_in_stay_refused(strict, alice, signed_in) -> None:
    strict.cookies = signed_in(alice).cookies

    assert strict.post("/logout/").status_code == 403


@pytest.mark.django_db
def test_robots_may_read_the_catalogue_and_nothing_of_one_person(client) -> None:
    response = client.get("/robots.txt")
    lines = response.text.splitlines()

    assert response["Content-Type"].startswith("text/plain")
    assert lines[0] == "User-agent: *"
    assert {"Disallow: /admin/", "Disallow: /keys/"} <= set(lines)
    # Of the catalogue only the forms in it, which are for who is signed in.
    of_catalogue = [line for line in lines if line.startswith("Disallow: /catalogue")]
    assert of_catalogue == ["Disallow: /catalogue/*/request/"]
    assert "Disallow: /" not in lines


@pytest.mark.django_db
def test_pages_for_staff_ask_not_to_be_indexed(client: Client) -> None:
    assert client.get("/admin/login/")["X-Robots-Tag"] == "noindex"
    assert "X-Robots-Tag" not in client.get("/")
