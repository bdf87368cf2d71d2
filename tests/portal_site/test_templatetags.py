"""Tags, filters and shared parts, as page authors use them."""

from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory

from portal_site import formats
from portal_site.icons import ICONS
from portal_site.templatetags.portal import coloured

N = "\u202f"
NOW = datetime(2025, 11, 21, 10, 42, tzinfo=UTC)


def rendered(source: str, **context: object) -> str:
    return Template("{% load portal %}" + source).render(Context(context))


class Reason(forms.Form):
    plan = forms.ChoiceField(
        choices=[("a", "Sandbox"), ("b", "Standard")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a plan"},
    )
    use = forms.CharField(
        label="What do you build?",
        help_text="For example: show order state.",
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Say in a sentence what you build"},
    )
    site = forms.URLField(
        label="Website",
        required=False,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"autocomplete": "url"}),
    )
    terms = forms.BooleanField(label="I accept the terms")
    token = forms.CharField(widget=forms.HiddenInput, required=False)


# --- Figures and times ------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (999, "999"), (1000, f"1{N}000"), (1234567, f"1{N}234{N}567")],
)
def test_figures_have_narrow_spaces(number: int, words: str) -> None:
    assert rendered("{{ n|figure }}", n=number) == words


@pytest.mark.parametrize(
    ("number", "words"), [(94, f"94{N}%"), (1.94, f"1.9{N}%"), (100.0, f"100{N}%")]
)
def test_percent_has_one_decimal_at_most(number: float, words: str) -> None:
    assert rendered("{{ n|percent }}", n=number) == words


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=23), "23 hours ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=1200), f"1{N}200 days ago"),
    ],
)
def test_ago(passed: timedelta, words: str) -> None:
    assert formats.ago(NOW - passed, now=NOW) == words


def test_the_year_is_told_only_when_it_is_another() -> None:
    assert formats.moment(NOW, now=NOW) == "21 Nov, 10:42"
    assert formats.moment(NOW.replace(year=2024), now=NOW) == "21 Nov 2024, 10:42"
    assert formats.day(NOW, now=NOW) == "21 Nov"
    assert formats.day_year(NOW) == "21 Nov 2025"


def test_the_clock_alone_means_today() -> None:
    assert formats.clock(NOW, now=NOW) == "10:42"
    assert formats.clock(NOW - timedelta(days=1), now=NOW) == "20 Nov, 10:42"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (40, "40 seconds"), (61, "2 minutes"), (3600, "1 hour")],
)
def test_a_wait_is_rounded_up(seconds: int, words: str) -> None:
    assert rendered("{{ n|in_words }}", n=seconds) == words


def test_a_time_carries_its_zone() -> None:
    assert rendered("{{ t|day_year }}", t=NOW) == (
        '<time datetime="2025-11-21T10:42:00Z" title="21 Nov 2025, 10:42 UTC">'
        "21 Nov 2025</time>"
    )


@pytest.mark.parametrize(
    "name",
    ["figure", "percent", "moment", "clock", "day", "day_year", "ago", "in_words"],
)
def test_nothing_stays_nothing(name: str) -> None:
    assert rendered("{{ n|" + name + " }}", n=None) == ""


def test_as_of_is_left_out_before_the_first_pull() -> None:
    assert rendered("{% asof t %}", t=None).strip() == ""
    assert "Usage as of <time" in rendered('{% asof t "Usage" %}', t=NOW)


# --- Small parts ---------------------------------------------------------------------
@pytest.mark.parametrize("name", ICONS)
def test_icons_are_hidden_from_screen_readers(name: str) -> None:
    assert 'aria-hidden="true"' in rendered("{% icon name %}", name=name)


def test_an_icon_that_says_something_alone_is_read_out() -> None:
    html = rendered('{% icon "check" words %}', words="<Met>")

    assert 'aria-label="&lt;Met&gt;" role="img"' in html
    assert "aria-hidden" not in html


def test_an_unknown_icon_or_badge_is_an_error() -> None:
    with pytest.raises(KeyError):
        rendered('{% icon "unicorn" %}')
    with pytest.raises(TemplateSyntaxError, match="unknown kind"):
        rendered('{% badge "good" "Active" %}')


def test_words_in_tags_are_escaped() -> None:
    html = rendered(
        '{% badge "ok" x %}{% mark x %}{% crumbs x "/a/" x %}'
        '{% code x x %}{% facts pairs %}{% copy "#key" x %}',
        x="<b>&",
        pairs=[("<b>&", "<b>&")],
    )

    assert "<b>&" not in html
    assert html.count("&lt;b&gt;&amp;") == 9


def test_a_mark_is_two_letters() -> None:
    assert ">Or<" in rendered('{% mark "orders" %}')
    assert ">Ab<" in rendered('{% mark "«a b» c" %}')
    assert ">?<" in rendered('{% mark "—" %}')
    assert 'class="mark mark-l"' in rendered('{% mark "Orders" "l" %}')


def test_code_is_coloured_and_escaped() -> None:
    assert coloured('curl https://x -H "A: <$KEY>"') == (
        '<span class="k">curl</span> https://x -H '
        '<span class="s">&quot;A: &lt;$KEY&gt;&quot;</span>'
    )
    assert coloured("curling 'x") == "curling &#x27;x"


def test_the_pager_keeps_the_query() -> None:
    request = RequestFactory().get("/keys/?q=a%26b&page=2")
    page = Paginator(range(86), 20).page(2)

    html = rendered("{% pager page %}", page=page, request=request)

    assert "21 to 40 of 86" in html
    assert 'rel="prev" href="?q=a%26b&amp;page=1"' in html
    assert 'rel="next" href="?q=a%26b&amp;page=3"' in html


def test_a_single_page_has_no_buttons() -> None:
    request = RequestFactory().get("/keys/")
    html = rendered("{% pager p %}", p=Paginator([1, 2], 20).page(1), request=request)

    assert "<span>2</span>" in html
    assert "btn" not in html


def test_the_track_says_its_states_in_words() -> None:
    steps = [
        {"name": "Sent", "state": "done", "when": "19 Nov"},
        {"name": "In review", "state": "now"},
        {"name": "Key claimed", "state": ""},
    ]
    html = rendered('{% include "_track.html" %}', steps=steps)

    assert 'Sent<span class="vh"> (done)</span></b>19 Nov' in html
    assert '<li class="now" aria-current="step">' in html
    assert 'Key claimed<span class="vh"> (not yet)</span>' in html


# --- Forms ---------------------------------------------------------------------------
def test_a_field_shows_label_hint_error_input_in_this_order() -> None:
    form = Reason({"plan": "a", "terms": "on"})
    html = rendered("{% field form.use %}", form=form)

    order = ['<label for="id_use">', "_helptext", 'id="id_use_error"', "<textarea"]
    places = [html.index(piece) for piece in order]
    assert places == sorted(places)
    assert 'aria-describedby="id_use_helptext id_use_error"' in html
    assert 'aria-invalid="true"' in html
    assert "Say in a sentence what you build" in html
    assert 'rows="4"' in html


def test_only_optional_fields_say_so() -> None:
    html = rendered("{% field form.site %}", form=Reason())

    assert '<span class="opt">(optional)</span>' in html
    assert 'autocomplete="url"' in html
    assert "aria-describedby" not in html
    assert "(optional)" not in rendered("{% field form.use %}", form=Reason())


def test_radio_buttons_are_a_group_with_a_legend() -> None:
    html = rendered("{% field form.plan %}", form=Reason({}))

    assert "<fieldset" in html
    assert "<legend>Plan</legend>" in html
    assert 'aria-describedby="id_plan_error"' in html
    assert '<label for="id_plan_0">Sandbox</label>' in html


def test_a_hint_of_the_page_is_announced_too() -> None:
    html = rendered('{% field form.site hint="Where we see it" %}', form=Reason())

    assert 'id="id_site_helptext">Where we see it</p>' in html
    assert 'aria-describedby="id_site_helptext"' in html


def test_rules_beside_a_field_are_announced_after_its_error() -> None:
    form = Reason({"plan": "a", "terms": "on"})
    html = rendered('{% field form.use rules="rules" %}', form=form)

    assert 'aria-describedby="id_use_helptext id_use_error rules"' in html


def test_a_hidden_field_has_no_label() -> None:
    html = rendered("{% field form.token %}", form=Reason()).strip()

    assert html == '<input type="hidden" name="token" id="id_token">'


def test_the_summary_links_to_what_is_to_be_mended() -> None:
    form = Reason({"use": "", "site": "https://example.com"})
    form.add_error(None, "The key service is away")
    html = rendered("{% errors form %}", form=form)

    assert '<a href="#id_plan_0">Choose a plan</a>' in html
    assert '<a href="#id_use">Say in a sentence what you build</a>' in html
    assert '<a href="#id_plan_0">The key service is away</a>' in html
    assert 'role="alert" tabindex="-1" data-summary' in html


def test_a_good_form_has_no_summary() -> None:
    assert rendered("{% errors form %}", form=Reason()).strip() == ""


# --- Mails -----------------------------------------------------------------------------
MAIL = {
    "title": "Your access to O'Reilly & Co is approved",
    "preheader": "One step left.",
    "button_label": "Claim my key",
    "button_url": "https://portal.example/requests/1/?a=1&b=2",
    "reason": "You get this mail because you sent request R-1042.",
}
HTML = (
    '{% extends "emails/_layout.html" %}{% load portal %}'
    "{% block body %}{% p %}Hello {{ name }},{% endp %}{% endblock %}"
    '{% block after %}{% p "small" %}We never send keys.{% endp %}{% endblock %}'
)
TEXT = (
    '{% extends "emails/_layout.txt" %}{% block body %}Hello {{ name }},{% endblock %}'
    "{% block after %}We never send keys.{% endblock %}"
)


def mail(source: str, **context: object) -> str:
    return Template(source).render(Context({**MAIL, "name": "<Mira>", **context}))


def test_the_html_mail_is_escaped_and_writes_its_address_out() -> None:
    html = mail(HTML)

    assert "&lt;Mira&gt;" in html
    assert html.count("https://portal.example/requests/1/?a=1&amp;b=2") == 3
    assert html.count("<img") == html.count("<script") == html.count("url(") == 0
    assert "prefers-color-scheme:dark" in html


def test_the_text_mail_is_the_same_without_entities() -> None:
    text = mail(TEXT)

    assert text.startswith("Your access to O'Reilly & Co is approved\n\nHello <Mira>,")
    assert "Claim my key:\nhttps://portal.example/requests/1/?a=1&b=2\n" in text
    assert "\n-- \nYou get this mail because you sent request R-1042.\n" in text


@pytest.mark.parametrize("source", [HTML, TEXT], ids=["html", "text"])
def test_a_mail_without_a_button_has_none(source: str) -> None:
    body = mail(source, button_label="", button_url="")

    assert "Button not working" not in body
    assert "https://" not in body


def test_mails_follow_the_brand(settings) -> None:
    settings.BRAND_NAME = "Halcyon"
    settings.BRAND_COLOUR = "#7a1fa2"

    assert "Halcyon" in mail(HTML)
    assert "#7a1fa2" in mail(HTML)
