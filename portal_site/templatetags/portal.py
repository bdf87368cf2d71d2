"""Tags and filters of every template. `{% load portal %}`."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import formataddr, parseaddr

from django import forms, template
from django.conf import settings
from django.core.paginator import Page
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from portal_site import brand, formats
from portal_site.icons import ICONS

register = template.Library()

BADGES = {"", "ok", "wait", "stop", "act"}


# --- Small parts -----------------------------------------------------------------
@register.simple_tag
def site_brand() -> brand.Brand:
    """`{% site_brand as brand %}`, where no context processor ran."""
    return brand.current()


@register.simple_tag
def review_takes() -> str:
    """How long the company says a review takes: "about 1 working day"."""
    return str(settings.BRAND_REVIEW_TAKES)


@register.simple_tag
def icon(name: str, words: str = "") -> SafeString:
    """A line icon; `words` when nothing beside it says the same. KeyError if unknown."""
    told = {"role": "img", "aria-label": words} if words else {"aria-hidden": "true"}
    return format_html(
        '<svg class="ic" viewBox="0 0 16 16"{}><path d="{}"/></svg>',
        flatatt(told),
        ICONS[name],
    )


@register.simple_tag
def badge(kind: str, words: object) -> SafeString:
    """A state as shape and word: "" draft, ok, wait, stop, act (your turn)."""
    if kind not in BADGES:
        raise template.TemplateSyntaxError(f"badge: unknown kind {kind!r}")
    classes = f"badge badge-{kind}" if kind else "badge"
    return format_html('<span class="{}">{}</span>', classes, words)


@register.simple_tag
def mark(name: str, size: str = "") -> SafeString:
    """The two-letter mark of an API without an icon; size "l" is the page header's."""
    letters = "".join(c for c in name if c.isalnum())[:2].capitalize() or "?"
    classes = f"mark mark-{size}" if size else "mark"
    return format_html(
        '<span class="{}" aria-hidden="true">{}</span>', classes, letters
    )


@register.simple_tag
def crumbs(*parts: str) -> SafeString:
    """`{% crumbs "APIs" "catalogue:list" entry.name %}`: label, url name or path, …"""
    *links, here = parts
    items = [
        format_html('<li><a href="{}">{}</a></li>', _address(url), label)
        for label, url in zip(links[::2], links[1::2], strict=True)
    ]
    items.append(format_html('<li aria-current="page">{}</li>', here))
    return format_html(
        '<nav class="crumbs" aria-label="Breadcrumb"><ol>{}</ol></nav>',
        mark_safe("".join(items)),  # noqa: S308  built by format_html above
    )


def _address(url: str) -> str:
    return url if url.startswith("/") else reverse(url)


@register.inclusion_tag("_asof.html")
def asof(when: datetime | None, what: str = "List") -> dict[str, object]:
    """ "List as of 10:42", beside what came from the mirror."""
    return {"when": when, "what": what}


@register.inclusion_tag("_facts.html")
def facts(pairs: Iterable[tuple[object, object]]) -> dict[str, object]:
    """Term and value, one line each."""
    return {"pairs": pairs}


@register.inclusion_tag("_copy.html")
def copy(target: str, words: str = "Copy") -> dict[str, object]:
    """A copy button for the element at the selector; hidden without JavaScript."""
    return {"target": target, "words": words}


@register.inclusion_tag("_pager.html", takes_context=True)
def pager(context: Context, page: Page[object]) -> dict[str, object]:
    """ "21 to 40 of 86", Newer and Older; keeps the rest of the query."""
    return {
        "page": page,
        "newer": _page_address(context["request"], page.number - 1),
        "older": _page_address(context["request"], page.number + 1),
    }


def _page_address(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return f"?{query.urlencode()}"


# --- Code ------------------------------------------------------------------------------
_COMMAND = re.compile(r"^(curl|export|GET|POST|PUT|PATCH|DELETE)\b")
_STRING = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'')


@register.inclusion_tag("_code.html")
def code(title: str, text: str, second: str = "") -> dict[str, object]:
    """The deep block with a copy button; `second` shows an answer below the call."""
    return {
        "title": title,
        "parts": [coloured(part) for part in (text, second) if part],
    }


def coloured(text: str) -> SafeString:
    """Escaped code with its commands and strings marked for colour."""
    return mark_safe(  # noqa: S308  every piece is escaped in _coloured_line
        "\n".join(_coloured_line(line) for line in text.strip("\n").split("\n"))
    )


def _coloured_line(line: str) -> str:
    command = _COMMAND.match(line)
    start = command.end() if command else 0
    pieces = [f'<span class="k">{escape(line[:start])}</span>'] if start else []
    for match in _STRING.finditer(line, start):
        pieces.append(escape(line[start : match.start()]))
        pieces.append(f'<span class="s">{escape(match[0])}</span>')
        start = match.end()
    pieces.append(escape(line[start:]))
    return "".join(pieces)


# --- Forms -----------------------------------------------------------------------------
@register.inclusion_tag("_field.html")
def field(
    bound: forms.BoundField, label: str = "", hint: str = "", rules: str = ""
) -> dict[str, object]:
    """Label, hint, error and input of one field, in this order.

    The widget's own attributes (autocomplete, rows, inputmode) come through. `rules`
    is the id of a list beside the field that says what may be typed.
    """
    hint = hint or str(bound.help_text)
    ids = [f"{bound.auto_id}_helptext"] if hint else []
    ids += [f"{bound.auto_id}_error"] if bound.errors else []
    ids += [rules] if rules else []
    described = " ".join(ids)
    compares = bound.field.show_hidden_initial
    return {
        "field": bound,
        "kind": _kind(bound.field.widget),
        "label": label or bound.label,
        "hint": hint,
        "optional": not bound.field.required,
        "described": described,
        "input": bound.as_widget(
            attrs={"aria-describedby": described} if ids else None
        ),
        # What stood there, where the form compares.
        "carried": bound.as_hidden(only_initial=True) if compares else "",
    }


def _kind(widget: forms.Widget) -> str:
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "choices"
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    return "input"


@register.inclusion_tag("_summary.html")
def errors(
    form: forms.BaseForm, title: str = "There is a problem"
) -> dict[str, object]:
    """The error summary at the top of a form: one link for each error."""
    lines = [
        (_anchor(form[name]) if name in form.fields else _first_anchor(form), text)
        for name, texts in form.errors.items()
        for text in texts
    ]
    return {"title": title, "lines": lines}


def _anchor(bound: forms.BoundField) -> str:
    return (
        f"{bound.auto_id}_0"
        if _kind(bound.field.widget) == "choices"
        else (bound.id_for_label or bound.auto_id)
    )


def _first_anchor(form: forms.BaseForm) -> str:
    return next((_anchor(bound) for bound in form.visible_fields()), "main")


# --- Figures and times -------------------------------------------------------------------
@register.filter
def figure(number: float | None) -> str:
    """10000 → "10 000"."""
    return "" if number is None else formats.figure(number)


@register.filter
def percent(number: float | None) -> str:
    """94 → "94 %"."""
    return "" if number is None else formats.percent(number)


def _time(when: datetime | None, words: str) -> SafeString:
    if when is None:
        return SafeString()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        formats.in_full(when),
        words,
    )


@register.filter
def moment(when: datetime | None) -> SafeString:
    """21 Nov, 10:42."""
    return _time(when, formats.moment(when, now=timezone.now()) if when else "")


@register.filter
def clock(when: datetime | None) -> SafeString:
    """10:42 today, 20 Nov, 10:42 before."""
    return _time(when, formats.clock(when, now=timezone.now()) if when else "")


@register.filter
def day(when: datetime | None) -> SafeString:
    """21 Nov, and the year when it is not this one."""
    return _time(when, formats.day(when, now=timezone.now()) if when else "")


@register.filter
def day_year(when: datetime | None) -> SafeString:
    """19 Feb 2026."""
    return _time(when, formats.day_year(when) if when else "")


@register.filter
def ago(when: datetime | None) -> SafeString:
    """2 minutes ago."""
    return _time(when, formats.ago(when, now=timezone.now()) if when else "")


@register.filter
def in_words(seconds: int | None) -> str:
    """150 → "3 minutes"; rounded up, since it says how long to wait."""
    return "" if seconds is None else formats.wait(seconds)


@register.filter
def plain_time(when: datetime | None) -> str:
    """19 Feb 2026, 10:42 UTC: for plain-text mails, where no `<time>` can be."""
    return "" if when is None else formats.in_full(when)


# --- Mails -------------------------------------------------------------------------------
FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif"
MAIL_TEXT = {
    "": ("m-ink", "ink", "16px", "25px", "0 0 16px"),
    "small": ("m-ink2", "ink_2", "14px", "21px", "0 0 12px"),
    "quote": ("m-ink2 m-quote", "ink_2", "16px", "25px", "0 0 16px"),
}


@register.simple_tag
def mail_sender() -> SafeString:
    """`Halcyon <no-reply@…>`: MAIL_FROM, under the name staff gave the portal."""
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    if name != settings.BRAND_NAME:
        return mark_safe(settings.DEFAULT_FROM_EMAIL)  # noqa: S308  a header, no page
    return mark_safe(formataddr((brand.current().name, address)))  # noqa: S308  same


@register.simple_block_tag(end_name="endp")
def p(content: str, kind: str = "") -> SafeString:
    """A paragraph of a mail: clients strip sheets, so the style is in the tag."""
    light = brand.current().mail["light"]
    css_class, role, size, line, margin = MAIL_TEXT[kind]
    edge = (
        f"border-left:3px solid {light['tint_line']};padding-left:14px;"
        "white-space:pre-line;"
        if kind == "quote"
        else ""
    )
    return format_html(
        '<p class="{}" style="margin:{};{}{};font-size:{};line-height:{};color:{}">{}</p>',
        css_class,
        margin,
        edge,
        mark_safe(FONT),  # noqa: S308  our own constant, quotes kept
        size,
        line,
        light[role],
        SafeString(content.strip()),  # strip() forgets that it was escaped
    )
