"""The home page, the brand's files, the theme switch, and headers of every page."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.test import Client
from django.utils import timezone

from catalogue.models import Plan
from developers.models import Developer, User
from keyrequests.models import Key, KeyPolicy
from portal_site import brand
from tests.factories import DocumentFactory, EntryFactory
from tyk.models import Organisation

STATIC = Path(site_settings.BASE_DIR) / "portal_site/static/portal"
TEMPLATES = Path(site_settings.BASE_DIR) / "templates"


@pytest.fixture
def developer(db: None) -> Developer:
    return Developer.objects.create(
        tyk_id="d" * 24, email="mira@tinfold.example", email_key="x", name="Mira Tal"
    )


@pytest.fixture
def mira(developer: Developer) -> Client:
    """A browser in which this developer is signed in."""
    user = User(developer=developer)
    user.set_unusable_password()
    user.save()
    browser = Client()
    browser.force_login(user, backend="developers.backends.TykBackend")
    return browser


@pytest.fixture
def sam(db: None) -> Client:
    """A browser in which staff are signed in."""
    user = User.objects.create_superuser("sam@northwind.example", "a long password")
    browser = Client()
    browser.force_login(user, backend="developers.backends.StaffBackend")
    return browser


# --- Home --------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_visitor_sees_the_company_and_the_way_in(client: Client, settings) -> None:
    settings.BRAND_TAGLINE = "APIs for <bakers>"
    page = client.get("/").text

    assert "<h1>APIs for &lt;bakers&gt;</h1>" in page
    assert 'href="/sign-up/">Create an account</a>' in page
    assert 'href="/catalogue/">Browse the APIs</a>' in page
    assert "How you get a key" in page
    assert "Log out" not in page


@pytest.mark.django_db
def test_a_visitor_gets_no_cookie_and_costs_two_queries(
    client: Client, django_assert_num_queries
) -> None:
    Organisation.current()
    with django_assert_num_queries(2):
        response = client.get("/")

    assert response.cookies == {}


@pytest.mark.django_db
def test_the_first_call_is_one_of_the_first_documents(
    client: Client, settings, django_assert_num_queries
) -> None:
    settings.BRAND_API_URL = "https://api.northwind.example"
    Organisation.current()
    EntryFactory(name="Undocumented", position=1)
    open_to_all = EntryFactory(name="Open", position=2, keyless=True)
    DocumentFactory(entry=open_to_all, outline=outline("/status"))
    DocumentFactory(entry=EntryFactory(position=4), outline=outline("/later"))
    DocumentFactory(entry=EntryFactory(position=3), outline=outline("/orders"))

    with django_assert_num_queries(3):
        page = client.get("/").text

    assert "https://api.northwind.example/orders" in page
    assert "Authorization" in page


def outline(path: str) -> dict[str, object]:
    call = {"verb": "GET", "path": path, "parameters": [], "number": 1, "summary": ""}
    return {"groups": [{"name": "", "calls": [call]}]}


@pytest.mark.django_db
def test_without_a_document_the_first_call_goes_to_the_base(client: Client) -> None:
    EntryFactory()

    assert "https://api.northwind.example/" in client.get("/").text


def test_a_developer_sees_their_own_home(mira: Client) -> None:
    page = mira.get("/").text

    assert "<h1>Hello, Mira Tal</h1>" in page
    assert '<a href="/" aria-current="page">Home</a>' in page
    assert 'href="/keys/"' in page
    assert '<form method="post" action="/logout/">' in page
    assert "Sign up" not in page


def test_a_developers_home_costs_six_queries_however_many_keys(
    mira: Client, developer: Developer, django_assert_num_queries
) -> None:
    plan = Plan.objects.create(oid="p" * 24, ref="p" * 24, name="Silver")
    for number in range(4):
        key = Key.objects.create(
            developer=developer,
            name=f"Key {number}",
            sealed_id=b"sealed",
            fp=f"{number:064}",
            created_at=timezone.now(),
        )
        KeyPolicy.objects.create(key=key, policy_id=plan.oid, plan=plan)

    mira.get("/")  # the first page of a visit also notes that she is here
    with django_assert_num_queries(6):
        page = mira.get("/").text

    assert page.count("Silver") == 4


def test_staff_see_the_front_door_and_the_way_to_the_staff_area(sam: Client) -> None:
    page = sam.get("/").text

    assert 'href="/admin/">Staff area</a>' in page
    assert 'aria-label="Main"><a href="/catalogue/">APIs</a></nav>' in page
    assert "Create an account" not in page


def test_home_and_the_list_of_keys_say_the_same_of_a_key(
    mira: Client, developer: Developer
) -> None:
    plan = Plan.objects.create(oid="p" * 24, ref="p" * 24, name="Silver")
    key = Key.objects.create(
        developer=developer,
        name="Shop",
        sealed_id=b"sealed",
        fp="1" * 64,
        created_at=timezone.now(),
    )
    KeyPolicy.objects.create(key=key, policy_id=plan.oid, plan=plan)
    KeyPolicy.objects.create(key=key, policy_id="gone", plan=None)
    EntryFactory(name="Orders", plan=plan)
    line = re.compile(r"Shop</a>\s*<span class=\"sub\">([^<]*)</span>")

    lines = [line.findall(mira.get(path).text) for path in ("/", "/keys/")]

    assert [[words.strip() for words in found] for found in lines] == [
        ["Orders, Silver; (No Catalog Entry)"],
        ["Orders, Silver; (No Catalog Entry)"],
    ]


# --- Brand -------------------------------------------------------------------------
def test_the_sheet_is_kept_for_a_year_under_its_version(client: Client) -> None:
    version = brand.current().version
    kept = client.get(f"/brand.css?v={version}")
    other = client.get("/brand.css?v=older")

    assert kept["Content-Type"] == "text/css; charset=utf-8"
    assert kept["Cache-Control"] == "public, max-age=31536000, immutable"
    assert other["Cache-Control"] == "public, max-age=60"
    assert kept.text == brand.current().css


def test_the_sheet_stays_public_for_a_signed_in_person(mira: Client) -> None:
    response = mira.get(f"/brand.css?v={brand.current().version}")

    assert response["Cache-Control"].startswith("public")
    assert "Vary" not in response


@pytest.mark.django_db
def test_a_company_shows_its_own_logo(client: Client, settings, tmp_path) -> None:
    path = tmp_path / "logo.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')
    settings.BRAND_LOGO = str(path)
    address = f"/brand/logo?v={brand.current().version}"

    page, logo = client.get("/").text, client.get(address)

    assert f'<img src="{address}" alt=""' in page
    assert logo.content == path.read_bytes()
    assert logo["Content-Type"] == "image/svg+xml"
    # Opened on its own, a drawing could run scripts: the policy forbids them.
    assert "default-src 'none'" in logo["Content-Security-Policy"]


def test_without_a_logo_there_is_none(client: Client) -> None:
    assert client.get("/brand/logo").status_code == 404


# --- Theme ---------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("wish", ["light", "dark"])
def test_a_theme_is_remembered(client: Client, wish: str) -> None:
    response = client.post("/theme/", {"theme": wish, "next": "/?a=b"})

    cookie = response.cookies["theme"]
    assert response.status_code == 302
    assert response["Location"] == "/?a=b"
    assert (cookie.value, cookie["samesite"], cookie["httponly"]) == (wish, "Lax", True)
    assert f'<html lang="en" data-theme="{wish}">' in client.get("/").text


@pytest.mark.django_db
def test_the_system_theme_is_no_cookie(client: Client) -> None:
    client.post("/theme/", {"theme": "dark"})
    client.post("/theme/", {"theme": "system"})

    assert '<html lang="en">' in client.get("/").text


@pytest.mark.django_db
def test_a_made_up_theme_never_reaches_the_page(client: Client) -> None:
    client.cookies["theme"] = '"><script>'

    assert "<script>" not in client.get("/").text


@pytest.mark.parametrize(
    "next_url",
    [
        "https://evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "/\\evil.example",
        "keys",
        "catalogue",
    ],
)
def test_the_theme_form_leads_to_no_other_site(client: Client, next_url: str) -> None:
    response = client.post("/theme/", {"theme": "dark", "next": next_url})

    assert response["Location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_another_site_cannot_set_the_theme(headers: dict[str, str]) -> None:
    browser = Client(enforce_csrf_checks=True)
    response = browser.post("/theme/", {"theme": "dark"}, headers=headers)

    assert response.status_code == 403
    assert "theme" not in response.cookies


@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-site": "same-origin"}, {"origin": "http://testserver"}]
)
def test_our_own_form_can(headers: dict[str, str]) -> None:
    browser = Client(enforce_csrf_checks=True)
    response = browser.post("/theme/", {"theme": "dark"}, headers=headers)

    assert response.cookies["theme"].value == "dark"


def test_the_theme_is_only_set_by_post(client: Client) -> None:
    assert client.get("/theme/?theme=dark").status_code == 405


# --- Headers ---------------------------------------------------------------------------
@pytest.mark.django_db
def test_pages_are_under_a_strict_policy(client: Client) -> None:
    response = client.get("/")

    policy = dict(
        part.strip().split(" ", 1)
        for part in response["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert "camera=()" in response["Permissions-Policy"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    # "no-referrer" would make browsers send "Origin: null" and CSRF checks fail.
    assert response["Referrer-Policy"] == "same-origin"


def test_pages_of_a_signed_in_person_are_not_stored(mira: Client) -> None:
    response = mira.get("/")

    assert response["Cache-Control"] == "private, no-store"
    assert "Cookie" in response["Vary"]


@pytest.mark.django_db
def test_a_visitors_page_depends_on_the_theme_cookie(client: Client) -> None:
    response = client.get("/")

    assert "Cache-Control" not in response
    assert response["Vary"] == "Cookie"


# --- The files themselves ----------------------------------------------------------------
OWN = re.compile(r'(?:href|src)="/static/portal/([\w.-]+\.(?:css|js))"')
MOST = 60 * 1024  # bytes before compression, of all sheets and scripts of ours


def weight(names: Iterable[str]) -> int:
    return sum((STATIC / name).stat().st_size for name in names)


def test_a_page_loads_little_of_ours(client: Client, mira: Client, sam: Client) -> None:
    """Counted as it is loaded, so a sheet that another person adds counts too."""
    EntryFactory(slug="orders")
    paths = {
        client: ["/", "/catalogue/", "/catalogue/orders/", "/login/", "/sign-up/"],
        mira: [
            "/",
            "/keys/",
            "/usage/",
            "/requests/",
            "/account/",
            "/password/change/",
        ],
        sam: ["/admin/", "/admin/keyrequests/keyrequest/", "/admin/tyk/outbox/"],
    }
    for browser, asked in paths.items():
        for path in asked:
            loaded = set(OWN.findall(browser.get(path).text))
            assert {"tokens.css"} < loaded, path
            assert weight(loaded) + len(brand.current().css) <= MOST, path


def test_all_of_ours_together_stays_small() -> None:
    """Site and staff area, every sheet and script of any app: documentation apart."""
    root = Path(site_settings.BASE_DIR)
    own = [
        path
        for app in ("portal_site", "catalogue", "developers", "keyrequests", "tyk")
        for path in (root / app / "static").rglob("*.*s")
        if path.suffix in {".css", ".js"} and path.stem != "documentation"
    ]
    written = len(brand.current().css)  # what /brand.css says

    assert {path.name for path in own} > {"tokens.css", "admin.css", "key.js"}
    assert sum(path.stat().st_size for path in own) + written <= MOST


@pytest.mark.parametrize("sheet", ["portal.css", "admin.css"])
def test_sizes_of_type_are_those_of_the_scale(sheet: str) -> None:
    """Letters of a picture and paper apart: px and pt."""
    text = (STATIC / sheet).read_text()
    sizes = re.findall(r"font-size: ([^;}]+)", text)
    sizes += [
        size.split("/")[0] for size in re.findall(r"font: (?:\d+ )?([^;}]+)", text)
    ]
    scale = re.compile(r"var\(--t-\w+\)|inherit|clamp\(.*|[\d.]+(em|px|pt)")

    assert len(sizes) > 8
    assert [
        s for s in sizes if not scale.fullmatch(s.removesuffix("!important").strip())
    ] == []


def test_every_class_of_the_sheet_is_on_a_page() -> None:
    """A rule for what no template, tag or script writes any more is dead weight."""
    root = Path(site_settings.BASE_DIR)
    sources = [*TEMPLATES.rglob("*.html"), *STATIC.glob("*.js")]
    for app in ("portal_site", "catalogue", "developers", "keyrequests"):
        sources += root.joinpath(app).rglob("*.py")
    words = set(re.findall(r"[a-z][\w-]*", " ".join(p.read_text() for p in sources)))
    sheet = re.sub(r"/\*.*?\*/", "", (STATIC / "portal.css").read_text(), flags=re.S)
    classes = set(
        re.findall(r"\.([a-z][\w-]*)", " ".join(re.split(r"\{[^{}]*\}", sheet)))
    )
    made_of_two = ("badge-", "notice-", "mark-", "age-")  # by a tag, from its argument
    of_django = {"changelist-form-container", "closelink", "deletelink"}

    assert len(classes) > 100
    assert (
        sorted(c for c in classes - words - of_django if not c.startswith(made_of_two))
        == []
    )


def test_no_template_needs_an_inline_style_or_script() -> None:
    pages = [p for p in TEMPLATES.rglob("*.html") if "emails" not in p.parts]
    inline = re.compile(
        r"\sstyle=|\son[a-z]+=|<style|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE
    )

    assert len(pages) > 20
    assert [str(p) for p in pages if inline.search(p.read_text())] == []


def test_no_template_or_sheet_loads_from_another_host() -> None:
    files = [*TEMPLATES.rglob("*.html"), *STATIC.glob("*.css"), *STATIC.glob("*.js")]
    foreign = re.compile(r"(?:src|href)=[\"']?(?:https?:)?//|url\(|@import")

    assert [str(p) for p in files if foreign.search(p.read_text())] == []
