"""What programs ask for: robots, sitemap, security.txt, icons; what pages say of
themselves to search engines."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from PIL import Image

from catalogue import kept
from catalogue.models import Shelf
from developers.services import user_of
from portal_site import brand, public_files
from tests.factories import DocumentFactory, EntryFactory
from tyk.models import Organisation

pytestmark = pytest.mark.django_db

LOC = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


@pytest.fixture
def closed_catalogue() -> None:
    Organisation.current()
    Organisation.objects.update(catalogue_login_only=True)


# --- Robots and sitemap --------------------------------------------------------------
def every_path(
    patterns: list[URLPattern | URLResolver], before: str = "/"
) -> list[str]:
    """Every address of the site, what varies written as "1"."""
    paths = []
    for one in patterns:
        route = before + re.sub(r"<[^>]+>", "1", str(one.pattern))
        if isinstance(one, URLResolver):
            paths += every_path(one.url_patterns, route)
        else:
            paths.append(route)
    return paths


# What a robot may read, or harms nobody by reading.
OPEN = re.compile(
    r"/(sign-up/|brand.*|robots.txt|sitemap.xml|favicon.ico|apple-touch-icon.*"
    r"|\.well-known/.*|catalogue/(1/(documentation/.*)?)?)?"
)


def disallowed(path: str, rules: list[str]) -> bool:
    return any(re.match(re.escape(rule).replace(r"\*", ".*"), path) for rule in rules)


def test_robots_keep_out_of_every_address_that_is_not_public(client: Client) -> None:
    rules = re.findall(r"Disallow: (.+)", client.get("/robots.txt").text)
    paths = [p for p in every_path(get_resolver().url_patterns) if "^" not in p]
    for path in paths:
        assert disallowed(path, rules) != bool(OPEN.fullmatch(path)), path

    assert len(paths) > 40


def test_the_sitemap_names_every_page_of_the_catalogue(client: Client) -> None:
    plain, documented = EntryFactory(slug="plain"), EntryFactory(slug="told")
    DocumentFactory(entry=documented)
    EntryFactory(slug="hidden", shown=False)

    answer = client.get("/sitemap.xml")

    tree = ElementTree.fromstring(answer.text)  # noqa: S314  our own file
    pages = [loc.text for loc in tree.iter(LOC)]
    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    assert pages == [
        "http://testserver/",
        "http://testserver/catalogue/",
        f"http://testserver{plain.get_absolute_url()}",
        f"http://testserver{documented.get_absolute_url()}",
        f"http://testserver{documented.get_absolute_url()}documentation/",
    ]
    assert "Sitemap: http://testserver/sitemap.xml" in client.get("/robots.txt").text
    for page in pages:
        assert client.get(str(page)).status_code == 200


@pytest.mark.usefixtures("closed_catalogue")
def test_a_closed_catalogue_has_no_sitemap(client: Client) -> None:
    EntryFactory()

    assert client.get("/sitemap.xml").status_code == 404
    assert "Sitemap" not in client.get("/robots.txt").text


def test_an_entry_that_appears_or_goes_is_in_the_sitemap_at_once(
    client: Client, settings, django_assert_num_queries
) -> None:
    settings.CATALOGUE_KEEP_SECONDS = 600
    kept.pages.clear()
    Organisation.current()
    EntryFactory(slug="first")
    Shelf.changed()
    one = client.get("/sitemap.xml")

    # Kept for whoever asks next, and asked for each time by caches in front.
    with django_assert_num_queries(1):
        again = client.get("/sitemap.xml", headers={"If-None-Match": one["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert one["Cache-Control"] == "public, no-cache"
    assert one["Content-Type"] == "application/xml; charset=utf-8"

    second = EntryFactory(slug="second")
    Shelf.changed()
    two = client.get("/sitemap.xml", headers={"If-None-Match": one["ETag"]})
    assert two.status_code == 200
    assert two["Content-Type"] == "application/xml; charset=utf-8"
    assert second.get_absolute_url() in two.text

    Organisation.objects.update(catalogue_login_only=True)
    assert client.get("/sitemap.xml").status_code == 404


def test_somebody_signed_in_gets_the_sitemap_of_now(client: Client, alice) -> None:
    client.force_login(user_of(alice), backend="developers.backends.TykBackend")
    EntryFactory(slug="first")

    answer = client.get("/sitemap.xml")

    assert "/catalogue/first/" in answer.text
    assert answer["Cache-Control"] == "public, no-cache"


def test_the_sitemap_costs_three_queries_however_many_entries(
    client: Client, django_assert_num_queries
) -> None:
    Organisation.current()
    for _ in range(6):
        DocumentFactory(entry=EntryFactory())

    with django_assert_num_queries(3):
        client.get("/sitemap.xml")


# --- security.txt --------------------------------------------------------------------
def fields(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines())


def test_security_txt_is_as_rfc_9116_wants_it(client: Client, settings) -> None:
    settings.SECURITY_CONTACT = "https://northwind.example/report"
    answer = client.get("/.well-known/security.txt")

    told = fields(answer.text)
    expires = datetime.fromisoformat(told["Expires"])
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert told["Contact"] == "https://northwind.example/report"
    assert told["Canonical"] == "http://testserver/.well-known/security.txt"
    # "Less than a year" (2.5.5), and not over before a cache lets go of it.
    assert timedelta(days=90) < expires - datetime.now(UTC) < timedelta(days=365)


@pytest.mark.parametrize(
    ("written", "contact"),
    [
        ("", "mailto:api-support@testserver"),
        ("holes@northwind.example", "mailto:holes@northwind.example"),
        ("mailto:holes@northwind.example", "mailto:holes@northwind.example"),
    ],
)
def test_a_contact_is_a_uri(client: Client, settings, written, contact) -> None:
    settings.SECURITY_CONTACT = written

    text = client.get("/.well-known/security.txt").text
    assert fields(text)["Contact"] == contact


def test_without_anybody_to_tell_there_is_no_file(client: Client, settings) -> None:
    settings.BRAND_SUPPORT_EMAIL = ""

    assert client.get("/.well-known/security.txt").status_code == 404


@pytest.mark.parametrize(
    ("written", "faults"),
    [
        ("", 0),
        ("holes@northwind.example", 0),
        ("https://northwind.example", 0),
        ("http://northwind.example", 1),
        ("javascript:alert(1)", 1),
        ("ask Sam", 1),
        ("a@x.example\nContact: b@x.example", 1),
    ],
)
def test_a_contact_nobody_could_use_stops_the_start(settings, written, faults) -> None:
    settings.SECURITY_CONTACT = written

    assert len(public_files.check()) == faults


def test_password_managers_find_the_form(client: Client) -> None:
    answer = client.get("/.well-known/change-password")

    assert (answer.status_code, answer["Location"]) == (302, "/password/change/")


# --- Icons ---------------------------------------------------------------------------
def test_a_telephone_gets_a_picture_in_the_brands_colour(client: Client) -> None:
    answer = client.get("/apple-touch-icon.png")
    icon = Image.open(BytesIO(answer.content))
    red, green, blue = (int(brand.current().colour[i : i + 2], 16) for i in (1, 3, 5))

    assert answer["Content-Type"] == "image/png"
    assert (icon.format, icon.size) == ("PNG", (180, 180))
    assert icon.getpixel((2, 2)) == (red, green, blue)
    assert any(colour == (255, 255, 255) for _, colour in icon.getcolors(10_000) or [])


def test_readers_of_favicon_ico_get_one(client: Client) -> None:
    answer = client.get("/favicon.ico")
    icon = Image.open(BytesIO(answer.content))

    assert answer["Content-Type"] == "image/x-icon"
    assert icon.info["sizes"] == {(16, 16), (32, 32), (48, 48)}


def test_a_letter_the_font_lacks_is_left_out(client: Client, settings) -> None:
    settings.BRAND_NAME = "北風"
    icon = Image.open(BytesIO(client.get("/apple-touch-icon.png").content))

    assert len(icon.getcolors() or []) == 1


def test_what_programs_ask_for_is_kept_by_caches(client: Client) -> None:
    for path in ("/robots.txt", "/favicon.ico", "/.well-known/security.txt"):
        answer = client.get(path)
        assert answer["Cache-Control"].startswith("public, max-age=")
        assert "Set-Cookie" not in answer


# --- What a page says of itself ------------------------------------------------------
META = re.compile(
    r'<(?:meta|link) (?:name|property|rel)="([^"]+)" (?:content|href)="([^"]*)"'
)


def meta(page: str) -> dict[str, str]:
    return dict(META.findall(page.split("</head>")[0]))


def test_a_public_page_says_what_it_is_and_where(client: Client) -> None:
    entry = EntryFactory(slug="orders", name="Orders", short_text="Every <b>order</b>.")
    DocumentFactory(entry=entry)
    paths = [
        "/",
        "/catalogue/",
        "/catalogue/orders/",
        "/catalogue/orders/documentation/",
    ]
    told = {path: meta(client.get(f"{path}?page=1&x=%22%3E").text) for path in paths}

    for path, said in told.items():
        assert said["canonical"] == f"http://testserver{path}"
        assert said["og:url"] == said["canonical"]
        assert 10 < len(said["description"]) <= 200
        assert said["description"] == said["og:description"]
        assert "robots" not in said
    assert told["/catalogue/orders/"]["description"] == "Every order."
    assert len({said["og:title"] for said in told.values()}) == 4


def test_a_page_of_one_person_is_kept_from_search_engines(
    client: Client, alice, signed_in
) -> None:
    own = signed_in(alice)
    answers = [
        client.get("/login/"),
        client.get("/sign-up/"),
        client.get("/nowhere/"),
        client.get("/admin/login/"),
        own.get("/"),
        own.get("/keys/"),
        own.get("/account/"),
        own.get("/catalogue/"),
    ]
    for answer in answers:
        assert answer["X-Robots-Tag"] == "noindex", answer.request["PATH_INFO"]
        assert "canonical" not in meta(answer.text)
        assert "og:url" not in meta(answer.text)
