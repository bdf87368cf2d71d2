"""Descriptions as typed at Tyk (HTML or Markdown), made safe to show."""

import html
import re
from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "dl", "dt", "em",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "kbd", "li", "ol", "p", "pre",
    "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr",
    "u", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
#: Text inside these is not for readers: it goes with its tag.
DROPPED = {
    "script", "style", "template", "noscript", "iframe", "object", "svg", "math",
    "title", "textarea", "select",
}  # fmt: skip
#: A relative address would point into the portal Tyk itself serves, not ours.
ADDRESS = re.compile(r"\A(https?://|mailto:)", re.IGNORECASE)

_NAMES = (
    r"(p|div|h[1-6]|ul|ol|li|table|tr|td|pre|blockquote|section|article|span"
    r"|strong|em|b|i|u|a|br|hr|script|style)\b"
)
# A closing tag, a line break, or a tag to begin with. "Less than" is none of them.
_HTML = re.compile(rf"</{_NAMES}|<[bh]r\b|\A\s*<{_NAMES}", re.IGNORECASE)
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"<(/?)h([1-6])>")
_TABLE = re.compile(r"<(/?)table>")
_SPACES = re.compile(r"\s+")
# html=False: tags inside Markdown come out as text, so the allow-list sees none.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@lru_cache(maxsize=256)
def render(text: str) -> SafeString:
    """HTML of a long description; anything not on the allow-list is gone.

    Tyk's editor saves HTML, people and tools also send Markdown; both go through
    the same allow-list. Headings move below the page's own h2.
    """
    dirty = text if _is_html(text) else _MARKDOWN.render(text)
    clean = nh3.clean(
        dirty,
        tags=TAGS,
        clean_content_tags=DROPPED,
        attributes=ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    clean = _TABLE.sub(_scrolling, _lowered(clean))
    return mark_safe(clean)  # noqa: S308  nh3 has cleaned it just above


@lru_cache(maxsize=512)
def plain(text: str) -> str:
    """The words without tags, on one line; not safe by itself: escape as usual."""
    words = nh3.clean(text, tags=set(), clean_content_tags=DROPPED)
    return _SPACES.sub(" ", html.unescape(words)).strip()


def _is_html(text: str) -> bool:
    """A tag counts unless it stands in Markdown's code, where it is an example."""
    return _HTML.search(_CODE.sub("", text)) is not None


def _kept(tag: str, name: str, value: str) -> str | None:
    """nh3's filter: the attribute's value, or None to drop it."""
    if name == "href" and not ADDRESS.match(value.strip()):
        return None
    return value


def _lowered(clean: str) -> str:
    """Headings from h3 down without a gap: the page has an h1 and h2 of its own."""
    levels = sorted({match[2] for match in _HEADING.finditer(clean)})
    low = {level: min(place, 6) for place, level in enumerate(levels, 3)}
    return _HEADING.sub(lambda match: f"<{match[1]}h{low[match[2]]}>", clean)


def _scrolling(match: re.Match[str]) -> str:
    """A wide table scrolls in its own box on a narrow screen."""
    if match[1]:
        return "</table></div>"
    return '<div class="scroll" tabindex="0"><table class="table">'
