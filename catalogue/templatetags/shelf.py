"""Filters of the shelf's pages. `{% load shelf %}`."""

from django import template
from django.utils.safestring import SafeString

from catalogue import text

register = template.Library()


@register.filter
def described(words: str) -> SafeString:
    """A description as typed in a document, HTML or Markdown, made safe."""
    return text.render(words)
