"""What may be typed as the brand: hostile input ends in a sentence at its field."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings, strategies as st

from portal_site import brand
from portal_site.brand_forms import BrandForm
from portal_site.face import Face, made
from portal_site.palette import PAIRS, TEXT, contrast, from_hex
from tests.portal_site.brands import halcyon, picture, typed


def form(**changed: object) -> BrandForm:
    return BrandForm(typed(**changed), began=brand.configured())


def test_a_filled_form_is_a_face() -> None:
    filled = form(colour="E25", radius="0", api_url="https://api.halcyon.example/v2/")
    assert filled.is_valid(), filled.errors

    assert filled.face() == halcyon(
        tagline="Ship it with Halcyon.",
        lead="",
        colour="#ee2255",
        radius=0,
        support_email="dev@halcyon.example",
        api_url="https://api.halcyon.example/v2",
        footer_links=(brand.Link("Terms", "https://halcyon.example/terms"),),
    )


@pytest.mark.parametrize(
    ("field", "hostile"),
    [
        ("colour", "red"),
        ("colour", "#fff;}"),
        ("colour", "#12345g"),
        ("colour", "url(x)"),
        ("colour", "#0b6e6e}:root{--fill:red"),
        ("colour", ""),
        ("radius", "17"),
        ("radius", "-1"),
        ("radius", "5px}"),
        ("name", ""),
        ("name", "x" * 61),
        ("name", "Half\u202egnithgir"),
        ("name", "\u200b\u200b"),
        ("name", "Bell\x07"),
        ("name", "Zero\x00"),
        ("company", "x" * 81),
        ("tagline", "x" * 121),
        ("lead", "x" * 401),
        ("support_email", "nobody"),
        ("support_email", "a@b.example\nBcc: c@d.example"),
        ("api_url", "javascript:alert(1)"),
        ("api_url", "https://a.example/$(rm -rf ~)"),
        ("api_url", "https://a.example/'; id"),
        ("api_url", "https://user:word@a.example/"),
        ("api_url", "ftp://a.example"),
        ("url_0", ""),
        ("label_0", ""),
        ("url_0", "javascript:alert(1)"),
        ("url_0", "JaVaScRiPt:alert(1)"),
        ("url_0", "java\tscript:alert(1)"),
        ("url_0", "\x01javascript:alert(1)"),
        ("url_0", "data:text/html,x"),
        ("url_0", "http://plain.example/"),
        ("url_0", "//evil.example/"),
        ("url_0", "/\\evil.example/"),
        ("url_0", "\\\\evil.example"),
        ("url_0", "https://"),
        ("url_0", "https://good.example@evil.example/"),
        ("url_0", "https://[bad/"),
        ("url_0", "https://a.example:99999999/"),
        ("url_0", "mailto:nobody"),
        ("url_0", "vbscript:x"),
        ("url_0", "terms.html"),
        ("url_0", 'https://a.example/"onmouseover="x'),
    ],
)
def test_what_could_harm_is_refused_at_its_field(field: str, hostile: str) -> None:
    filled = form(**{field: hostile})

    assert not filled.is_valid()
    refused = set(filled.errors)
    assert refused & {
        field,
        field.replace("label", "url"),
        field.replace("url", "label"),
    }
    assert len(refused) == 1


@pytest.mark.parametrize(
    "name",
    [
        "بوابة المطورين",
        "פורטל המפתחים",
        "👩‍👩‍👧‍👦 Family 🚢",
        "W" * 60,
        "<b>Bold</b> & “Sons”",
        "{{ name }}{% csrf_token %}",
        "開発者ポータル",
    ],
)
def test_names_of_the_whole_world_are_taken(name: str) -> None:
    filled = form(name=name)

    assert filled.is_valid(), filled.errors
    assert filled.face().name == name
    assert len(made(filled.face()).initial) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://halcyon.example/terms?a=b&c=d#e",
        "/catalogue/",
        "mailto:dev@halcyon.example",
        "https://bücher.example/",
    ],
)
def test_good_links_are_taken(url: str) -> None:
    assert form(url_0=url).is_valid()


def test_lines_become_one_line() -> None:
    filled = form(lead="One.\r\n\r\n  Two.")
    assert filled.is_valid()

    assert filled.face().lead == "One. Two."


def test_pictures_stay_come_and_go() -> None:
    began = halcyon(logo=brand.Logo(picture(), "image/png"))
    upload = SimpleUploadedFile("l.webp", picture("WEBP", (80, 80)))
    kept = BrandForm(typed(), began=began)
    new = BrandForm(typed(), {"logo": upload}, began=began)
    off = BrandForm(typed(logo_off="on"), began=began)
    assert all(filled.is_valid() for filled in (kept, new, off))

    assert kept.face().logo == began.logo
    assert new.face().logo not in (None, began.logo)
    assert off.face().logo is None


def test_an_svg_is_refused_with_what_to_do() -> None:
    upload = SimpleUploadedFile("l.png", b"<svg xmlns='x'/>", "image/png")
    filled = BrandForm(typed(), {"logo": upload}, began=brand.configured())

    assert not filled.is_valid()
    assert "Save the logo as PNG or WebP" in filled.errors["logo"][0]


# --- Contrast of every brand that the form takes -----------------------------------
def themes(face: Face) -> list[dict[str, str]]:
    """The hex colours of the sheet, light and dark, as a browser reads them."""
    either = r"light-dark\((#[0-9a-f]{6}),(#[0-9a-f]{6})\)|(#[0-9a-f]{6})"
    declared = re.findall(rf"--([\w-]+):(?:{either})", made(face).css)
    assert len(declared) > 30
    return [
        {name: one or both for name, one, _, both in declared},
        {name: one or both for name, _, one, both in declared},
    ]


@settings(max_examples=150, deadline=None)
@given(
    colour=st.integers(0, 0xFFFFFF).map(lambda n: f"#{n:06x}"),
    radius=st.integers(0, 16),
)
def test_every_brand_that_is_taken_can_be_read(colour: str, radius: int) -> None:
    filled = form(colour=colour, radius=str(radius))
    assert filled.is_valid()
    light, dark = themes(filled.face())

    for shown in (light, dark):
        for text, ground, needed in (*PAIRS, ("hero", "", TEXT)):
            other = from_hex(shown[ground]) if ground else (1.0, 0.0, 0.0)
            assert contrast(from_hex(shown[text]), other) >= needed, (text, ground)
