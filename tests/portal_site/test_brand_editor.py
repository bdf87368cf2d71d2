"""The brand's pages in the admin, from the form to what every visitor gets."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal_site import brand
from portal_site.models import BrandVersion
from tests import factories
from tests.factories import EntryFactory
from tests.portal_site.brands import (
    PAGES,
    drafted,
    editor,
    halcyon,
    picture,
    published,
    typed,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def erin(organisation):
    return editor("Erin")


@pytest.fixture
def desk(erin, signed_in):
    return signed_in(erin)


@pytest.fixture
def saved(desk) -> BrandVersion:
    """A draft made with the form."""
    answer = desk.post(f"{PAGES}edit/", typed())
    assert answer.status_code == 302, answer.text
    return BrandVersion.objects.get()


def hidden(page: str) -> dict[str, str]:
    """What the publish form carries."""
    found = re.findall(r'name="(over|digest)" value="([^"]*)"', page)
    return dict(found)


# --- From the form to everybody ------------------------------------------------------
def test_edit_look_publish_and_roll_back(desk, client, saved) -> None:
    desk_page = desk.get(f"{PAGES}{saved.pk}/").text
    assert "Northwind APIs" in client.get("/").text

    desk.post(f"{PAGES}{saved.pk}/publish/", hidden(desk_page))
    assert "Ship it with Halcyon." in client.get("/").text

    settings_page = desk.get(f"{PAGES}0/").text
    assert "Roll back to the settings" in settings_page
    desk.post(f"{PAGES}0/publish/", hidden(settings_page))
    assert "Northwind APIs" in client.get("/").text

    again = desk.get(f"{PAGES}{saved.pk}/").text
    assert "Roll back to version 1" in again
    desk.post(f"{PAGES}{saved.pk}/publish/", hidden(again))
    assert "Ship it with Halcyon." in client.get("/").text


def test_every_act_is_in_the_log(desk, erin, saved) -> None:
    page = desk.get(f"{PAGES}{saved.pk}/").text
    desk.post(f"{PAGES}{saved.pk}/publish/", hidden(page))
    desk.post(f"{PAGES}0/publish/", {"over": saved.pk, "digest": ""})
    desk.post(f"{PAGES}edit/", typed(name="Another"))
    desk.post(f"{PAGES}discard/")
    entries = LogEntry.objects.filter(user=erin).order_by("pk")

    assert [entry.get_change_message() for entry in entries] == [
        "Saved a draft of the brand.",
        "Published version 1, over the settings.",
        "Rolled the brand back from version 1 to the settings.",
        "Saved a draft of the brand.",
        "Discarded the draft.",
    ]


def test_the_second_of_two_staff_is_told(desk, signed_in, client) -> None:
    otto = editor("Otto")
    mine = drafted(halcyon(name="Mine"), by=otto)
    theirs = desk.post(f"{PAGES}edit/", typed(name="Theirs")) and (
        BrandVersion.objects.exclude(pk=mine.pk).get()
    )
    seen = {
        row.pk: hidden(desk.get(f"{PAGES}{row.pk}/").text) for row in (mine, theirs)
    }
    signed_in(otto).post(f"{PAGES}{mine.pk}/publish/", seen[mine.pk])
    answer = desk.post(f"{PAGES}{theirs.pk}/publish/", seen[theirs.pk], follow=True)

    assert "Otto published version 1 while you looked at this page" in answer.text
    assert "after this draft was begun" in answer.text
    assert "Mine" in client.get("/").text
    desk.post(f"{PAGES}{theirs.pk}/publish/", hidden(answer.text))
    assert "Theirs" in client.get("/").text


def test_a_colour_that_fails_is_corrected_in_words(desk, saved) -> None:
    page = " ".join(desk.get(f"{PAGES}edit/").text.split())

    assert "White text on #e2502a has a contrast of 3.8" in page
    assert "too faint to read, 4.5 to 1 is needed" in page
    assert "darkened to #d341" in page
    assert 'fill="#e2502a"' in page
    assert 'fill="#d341' in page


@pytest.mark.parametrize(
    ("colour", "words"),
    [("#0b6e6e", "The colour is used as it is."), ("#000", "cannot be told from text")],
)
def test_other_colours_have_their_own_words(desk, colour: str, words: str) -> None:
    desk.post(f"{PAGES}edit/", typed(colour=colour))

    assert words in desk.get(f"{PAGES}edit/").text


def test_a_refused_form_keeps_what_was_typed_and_saves_nothing(desk) -> None:
    hostile = typed(name="<script>x</script>", colour="red", url_0="javascript:x")
    page = desk.post(f"{PAGES}edit/", hostile).text

    assert "Nothing was saved. Correct the 2 fields below" in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>x" not in page
    assert "&#x27;red&#x27; is not a colour" in page
    assert not BrandVersion.objects.exists()


def test_a_name_of_markup_is_text_on_every_page(erin, client) -> None:
    row = published(
        halcyon(name="</title><script>x{{ brand }}", tagline="<b>x"), by=erin
    )
    pages = [client.get(path).text for path in ("/", "/login/", "/nowhere/")]

    for page in pages:
        assert "<script>x" not in page
        assert "&lt;script&gt;x{{ brand }}" in page
    assert "<b>x" not in pages[0]
    assert "<" not in brand.current().favicon
    assert row.number == 1


def test_a_draft_of_several_steps_keeps_its_logo(desk, saved) -> None:
    logo = SimpleUploadedFile("l.png", picture(), "image/png")
    desk.post(f"{PAGES}edit/", typed(logo=logo))
    desk.post(f"{PAGES}edit/", typed(name="Later"))
    row = BrandVersion.objects.get()
    shown = desk.get(f"{PAGES}{row.pk}/logo/")

    assert row.words["name"] == "Later"
    assert shown.content == bytes(row.logo)
    assert "sandbox" in shown["Content-Security-Policy"]


def test_a_logo_of_the_settings_comes_along(desk, settings, tmp_path) -> None:
    path = tmp_path / "logo.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    settings.BRAND_LOGO = str(path)
    desk.post(f"{PAGES}edit/", typed())
    row = BrandVersion.objects.get()

    assert bytes(row.logo) == path.read_bytes()
    assert desk.get(f"{PAGES}{row.pk}/logo/")["Content-Type"] == "image/svg+xml"


def test_the_lists_show_who_works_on_what(desk, erin) -> None:
    drafted(halcyon(), by=editor("Otto"))
    published(halcyon(name="Live one"), by=erin)
    page = desk.get(PAGES).text

    assert "Drafts of others" in page
    assert "Otto" in page
    assert "Live one, #e2502a" in page
    assert "<b>Version 1</b>, published by Erin" in page


def test_lists_take_as_many_queries_with_many_versions(
    desk, erin, django_assert_max_num_queries
) -> None:
    for n in range(12):
        published(halcyon(name=f"V{n}"), by=erin)
    with django_assert_max_num_queries(12):
        page = desk.get(PAGES).text

    assert "V11" in page


def test_the_samples_take_any_colour_and_nothing_else(desk) -> None:
    sheet = desk.get(f"{PAGES}sample.css?colour=%23e2502a&radius=99")
    assert sheet["Content-Type"] == "text/css; charset=utf-8"
    assert ".on-dark{" in sheet.text
    assert "--r:16px" in sheet.text

    for hostile in (
        "colour=red&radius=1",
        "colour=%23fff}x{&radius=1",
        "colour=%23fff",
    ):
        assert desk.get(f"{PAGES}sample.css?{hostile}").status_code == 404


# --- Preview ---------------------------------------------------------------------------
def test_a_preview_is_for_one_person(desk, client, saved, signed_in) -> None:
    EntryFactory(name="Orders")
    others = [client, signed_in(editor("Otto"))]
    answer = desk.post(f"{PAGES}{saved.pk}/preview/")
    assert answer.url == "/"

    for path in ("/", "/catalogue/", "/login/", "/nowhere/"):
        page = desk.get(path)
        assert "Preview: not published." in page.text
        assert "Halcyon" in page.text
        assert f"/brand.css?v={halcyon_digest(saved)}" in page.text
        assert "Log in</a>" in page.text  # as a visitor gets it
        assert page["Cache-Control"] == "private, no-store"
        for other in others:
            assert "Halcyon" not in other.get(path).text
    assert "Preview" not in desk.get(PAGES).text.split("<main")[0]


def halcyon_digest(row: BrandVersion) -> str:
    return BrandVersion.objects.get(pk=row.pk).digest


def test_the_sheet_of_a_preview_is_the_drafts_and_is_kept_nowhere(
    desk, client, saved
) -> None:
    address = f"/brand.css?v={halcyon_digest(saved)}"
    before = client.get(address)
    desk.post(f"{PAGES}{saved.pk}/preview/")
    mine = desk.get(address)

    assert mine.text != before.text
    assert mine["Cache-Control"] == "private, no-store"
    assert before.text == brand.current().css  # a stranger gets what is live
    assert before["Cache-Control"] == "public, max-age=60"


def test_a_preview_ends_when_it_is_stopped(desk, saved) -> None:
    desk.post(f"{PAGES}{saved.pk}/preview/")
    answer = desk.post(f"{PAGES}preview/stop/")

    assert answer.url == f"{PAGES}edit/"
    assert "Preview" not in desk.get("/").text


def test_a_preview_cookie_is_worth_nothing_elsewhere(
    desk, client, saved, signed_in, alice, erin
) -> None:
    desk.post(f"{PAGES}{saved.pk}/preview/")
    cookie = desk.cookies["brand_preview"].value
    strangers = [client, signed_in(alice), signed_in(editor("Otto"))]
    for stranger in strangers:
        stranger.cookies["brand_preview"] = cookie
        page = stranger.get("/catalogue/")
        assert "Preview" not in page.text
        assert page.cookies["brand_preview"].value == ""  # thrown away

    forged = signed_in(erin)
    forged.cookies["brand_preview"] = f"[{saved.pk},{erin.pk}]:x:y"
    assert "Preview" not in forged.get("/").text
    erin.user_permissions.clear()
    assert "Preview" not in desk.get("/").text


def test_a_page_in_preview_is_not_kept_for_visitors(
    desk, client, saved, settings
) -> None:
    settings.CATALOGUE_KEEP_SECONDS = 600
    EntryFactory(name="Orders")
    desk.post(f"{PAGES}{saved.pk}/preview/")
    assert "Halcyon" in desk.get("/catalogue/").text

    assert "Halcyon" not in client.get("/catalogue/").text


def test_a_kept_page_follows_the_brand_there_and_back(erin, client, settings) -> None:
    settings.CATALOGUE_KEEP_SECONDS = 600
    EntryFactory(name="Orders")
    before = client.get("/catalogue/")
    row = published(halcyon(), by=erin)
    after = client.get("/catalogue/", headers={"If-None-Match": before["ETag"]})
    assert after.status_code == 200
    assert "Halcyon" in after.text
    brand_versions_withdraw(row)

    assert client.get("/catalogue/").text == before.text


def brand_versions_withdraw(row: BrandVersion) -> None:
    from portal_site import brand_versions

    brand_versions.withdraw(over=row.pk)


@pytest.mark.parametrize("kind", ["light", "dark", "text"])
def test_a_mail_in_the_drafts_look(desk, saved, kind: str) -> None:
    mail = desk.get(f"{PAGES}{saved.pk}/mail/?as={kind}")

    assert "Halcyon AG" in mail.text
    assert "Northwind" not in mail.text
    assert "sandbox" in mail["Content-Security-Policy"]
    assert "script-src" not in mail["Content-Security-Policy"]
    assert ("@media all" in mail.text) == (kind == "dark")
    assert "prefers-color-scheme:dark)" not in mail.text


# --- Files -----------------------------------------------------------------------------
def test_sheet_and_logo_are_kept_under_their_version(erin, client) -> None:
    light, dark = picture(), picture(size=(50, 50))
    face = halcyon(
        logo=brand.Logo(light, "image/png"), logo_dark=brand.Logo(dark, "image/png")
    )
    published(face, by=erin)
    for name, body in (
        ("brand.css", brand.current().css.encode()),
        ("brand/logo", light),
        ("brand/logo-dark", dark),
    ):
        address = f"/{name}?v={face.digest}"
        first = client.get(address)
        again = client.get(address, headers={"If-None-Match": first["ETag"]})
        assert first.content == body
        assert first["Cache-Control"] == "public, max-age=31536000, immutable"
        assert first["X-Content-Type-Options"] == "nosniff"
        assert again.status_code == 304
    logo = client.get(f"/brand/logo?v={face.digest}")
    assert logo["Content-Type"] == "image/png"
    assert "sandbox" in logo["Content-Security-Policy"]


def test_the_page_of_a_version_before_keeps_its_own_colours(erin, client) -> None:
    old = halcyon()
    published(old, by=erin)
    sheet = client.get(f"/brand.css?v={old.digest}").text
    published(halcyon(colour="#0b6e6e"), by=erin)
    late = client.get(f"/brand.css?v={old.digest}")

    assert late.text == sheet
    assert late["Cache-Control"].endswith("immutable")


def test_light_and_dark_each_have_their_picture(erin, client) -> None:
    face = halcyon(
        logo=brand.Logo(picture(), "image/png"),
        logo_dark=brand.Logo(picture(size=(50, 50)), "image/png"),
    )
    published(face, by=erin)
    system = client.get("/").text
    client.cookies["theme"] = "dark"
    dark = client.get("/").text
    client.cookies["theme"] = "light"
    light = client.get("/").text

    assert (
        '<source media="(prefers-color-scheme: dark)" srcset="/brand/logo-dark'
        in system
    )
    assert 'src="/brand/logo-dark?v=' in dark
    assert "/brand/logo?v=" not in dark
    assert 'src="/brand/logo?v=' in light
    assert 'width="104" height="26"' in light


# --- Rights ----------------------------------------------------------------------------
ADDRESSES = [
    ("get", ""),
    ("get", "edit/"),
    ("post", "edit/"),
    ("get", "sample.css?colour=%23fff&radius=1"),
    ("get", "{pk}/"),
    ("get", "{pk}/mail/"),
    ("get", "{pk}/logo/"),
    ("post", "{pk}/preview/"),
    ("post", "{pk}/publish/"),
    ("post", "discard/"),
    ("post", "preview/stop/"),
]


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_the_brand_is_for_those_who_may_change_it(
    erin, signed_in, client, alice, method: str, address: str
) -> None:
    row = drafted(halcyon(logo=brand.Logo(picture(), "image/png")), by=erin)
    path = f"{PAGES}{address.format(pk=row.pk)}"
    other = factories.StaffFactory(name="Otto", email="otto@northwind.example")
    every = Permission.objects.exclude(codename="change_brand")
    other.user_permissions.set(every)

    assert getattr(signed_in(other), method)(path).status_code == 403
    for stranger in (client, signed_in(alice)):
        answer = getattr(stranger, method)(path)
        assert answer.status_code == 302
        assert "/admin/login/" in answer.url
    assert BrandVersion.objects.get().digest == row.digest


@pytest.mark.parametrize("address", ["{pk}/preview/", "{pk}/publish/", "discard/"])
def test_nothing_is_done_by_a_link(desk, saved, address: str) -> None:
    assert desk.get(f"{PAGES}{address.format(pk=saved.pk)}").status_code == 405


def test_without_a_token_nothing_is_published(erin, saved, signed_in) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(erin).cookies
    answer = strict.post(f"{PAGES}{saved.pk}/publish/", {"over": 0, "digest": "x"})

    assert answer.status_code == 403
    assert not BrandVersion.objects.filter(live=True).exists()
