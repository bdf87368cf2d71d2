"""The palette holds its contrast for every hue; settings become a face or a sentence."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.test import Client

from portal_site import brand
from portal_site.palette import (
    DARK,
    LIGHT,
    WHITE,
    NotAColour,
    Palette,
    contrast,
    failures,
    from_hex,
    mail_colours,
    palette,
    roles,
    stylesheet,
    to_hex,
)

SHEETS = Path(site_settings.BASE_DIR) / "portal_site/static/portal"


@pytest.mark.parametrize("hue", range(0, 360, 6))
def test_every_hue_keeps_its_contrast(hue: int) -> None:
    for lightness in (0.35, 0.6, 0.9):
        for chroma in (0.0, 0.06, 0.12, 0.2):
            assert failures(palette(to_hex((lightness, chroma, hue)))) == []


def test_a_palette_that_breaks_contrast_is_reported() -> None:
    pale = Palette(195, 0.07, 0.8, 0.1, 24, "#fff", corrected=False)

    assert "light: on-fill on fill has 1.82, needs 4.5" in failures(pale)


@pytest.mark.parametrize(
    ("given", "fill", "corrected"),
    [
        ("#0b6e6e", "#0b6e6e", False),
        ("#e2502a", "#d34119", True),
        ("#ffd400", None, True),
        ("#FFF", None, True),
    ],
)
def test_a_colour_too_light_for_white_text_is_lowered(
    given: str, fill: str | None, corrected: bool
) -> None:
    shades = palette(given)

    shown = roles(shades)["fill"]
    assert shades.corrected is corrected
    assert contrast(shown, WHITE) >= 4.59
    if fill:
        assert _distance(to_hex(shown), fill) <= 2


def _distance(one: str, other: str) -> int:
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return max(abs(a - b) for a, b in pairs)


@pytest.mark.parametrize("hex_", ["#0b6e6e", "#ffffff", "#000000", "#e2502a"])
def test_hex_survives_the_way_to_oklch_and_back(hex_: str) -> None:
    assert to_hex(from_hex(hex_)) == hex_


def test_white_on_black_is_21() -> None:
    assert contrast(WHITE, (0.0, 0.0, 0.0)) == pytest.approx(21)


@pytest.mark.parametrize("text", ["", "teal", "#12", "#12345g", "rgb(1,2,3)"])
def test_what_is_no_colour_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(NotAColour, match="Write it as six hex digits"):
        palette(text)


def test_a_red_brand_moves_stop_aside() -> None:
    assert palette("#0b6e6e").stop_hue == 24
    assert palette("#e2502a").stop_hue == 8  # orange red: stop becomes crimson
    assert palette("#d4143c").stop_hue == 40  # crimson: stop becomes brick


# --- The roles ----------------------------------------------------------------------
@pytest.mark.parametrize("file", sorted(SHEETS.glob("*.css")), ids=lambda p: p.name)
def test_a_sheet_uses_only_what_is_declared(file: Path) -> None:
    """A role that nobody declares would leave a colour out without a word."""
    sheets = [*SHEETS.glob("*.css"), *SHEETS.glob("*.js")]
    text = " ".join(path.read_text() for path in sheets)
    declared = set(re.findall(r"(--[\w-]+):", text + brand.current().css))

    used = set(re.findall(r"var\((--[\w-]+)[,)]", file.read_text()))
    assert used - declared == set()


def test_both_themes_have_the_same_roles() -> None:
    assert list(LIGHT) == list(DARK)


# --- The sheet and the settings ---------------------------------------------------------
def test_the_sheet_carries_every_role_in_both_themes() -> None:
    shades = palette("#0b6e6e")
    css = stylesheet(shades, radius=5)
    light, dark = (roles(shades, dark=dark) for dark in (False, True))
    told = dict(re.findall(r"--([\w-]+):((?:light-dark\([^)]*\)|#\w+))", css))

    assert css.startswith(f":root{{--brand-h:{shades.hue};--brand-radius:5px;")
    assert list(told) == list(light)
    assert told["fill"] == (
        f"light-dark({to_hex(light['fill'])},{to_hex(dark['fill'])})"
    )
    assert told["deep"] == to_hex(light["deep"])  # the same in both


@pytest.mark.django_db
def test_another_sheet_has_another_address(client: Client) -> None:
    """Browsers keep it for a year: a release that writes it anew must reach them."""
    now = brand.current()
    other = replace(now, css=now.css + "/* */")

    assert f"&amp;c={now.css_mark}" in client.get("/login/").text
    assert other.css_mark != now.css_mark
    assert other.version == now.version


def test_mail_colours_are_hex_under_template_names() -> None:
    colours = mail_colours(palette("#0b6e6e"))

    assert set(colours) == {"light", "dark"}
    assert colours["light"]["surface"] == "#ffffff"
    assert all(
        re.fullmatch(r"#[0-9a-f]{6}", value)
        for theme in colours.values()
        for value in theme.values()
    )
    assert "ink_2" in colours["dark"]


def test_another_colour_is_another_version(settings) -> None:
    settings.BRAND_COLOUR = "#0b6e6e"
    teal = brand.current()
    settings.BRAND_COLOUR = "#e2502a"
    orange = brand.current()

    assert teal.version != orange.version
    assert teal.css != orange.css


def test_the_mark_is_the_first_letter_even_after_a_sign(settings) -> None:
    settings.BRAND_NAME = "«élan» APIs"

    assert brand.current().initial == "É"


def test_the_name_cannot_break_out_of_the_favicon(settings) -> None:
    settings.BRAND_NAME = '<script>"'

    assert brand.current().initial == "S"
    assert "<" not in brand.current().favicon


@pytest.mark.parametrize(
    "link",
    [
        "Terms=javascript:alert(1)",
        "Terms=//evil.example/",
        "Terms",
        "=https://example.com",
        "Terms=https://",
        "Terms=data:text/html,x",
        "Mail=mailto:nobody",
    ],
)
def test_a_footer_link_that_leads_nowhere_good_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match="is not a link"):
        brand.footer_links([link])


def test_footer_links_keep_their_order_and_query() -> None:
    links = brand.footer_links(
        [
            "Terms = https://example.com/?a=b",
            "Privacy=/privacy/",
            "Us=mailto:a@b.example",
        ]
    )

    assert [(link.label, link.url) for link in links] == [
        ("Terms", "https://example.com/?a=b"),
        ("Privacy", "/privacy/"),
        ("Us", "mailto:a@b.example"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("BRAND_COLOUR", "teal", "BRAND_COLOUR: 'teal' is not a colour"),
        ("BRAND_LOGO", "/nowhere/logo.svg", "cannot be read"),
        ("BRAND_LOGO", __file__, "is no SVG, PNG, WebP or JPEG file"),
        ("BRAND_FOOTER_LINKS", ["Terms"], "is not a link"),
        ("BRAND_NAME", " ", "BRAND_NAME is empty"),
    ],
)
def test_a_bad_setting_is_a_sentence_at_start(
    settings, name: str, value: object, sentence: str
) -> None:
    assert brand.check() == []
    setattr(settings, name, value)

    (message,) = brand.check()
    assert sentence in message.msg


def test_a_logo_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(b"x" * (256 * 1024 + 1))

    with pytest.raises(ValueError, match="larger than 256 KiB"):
        brand.logo_from(str(path))
