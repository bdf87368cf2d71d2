"""Badges of requests and keys. `{% load access %}`."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from keyrequests import usage_words, words
from keyrequests.models import Key, KeyRequest
from portal_site.templatetags.portal import badge, day

register = template.Library()


@register.simple_tag
def request_badge(request: KeyRequest) -> SafeString:
    """Where a request stands, as shape and word."""
    return badge(*words.request_badge(request))


@register.simple_tag
def key_badge(key: Key) -> SafeString:
    """Whether a key works, as shape and word; a replaced one says when it ends."""
    if key.state == Key.State.LIVE and key.ends_at is not None:
        return badge("wait", format_html("Ends {}", day(key.ends_at)))
    return badge(*words.key_badge(key))


@register.filter
def opens_more(key: Key) -> str:
    """What a key opens, where its name does not say so already; else ""."""
    opens = usage_words.opens(key)
    return "" if opens == key.name else opens


@register.filter
def title(key_request: KeyRequest) -> str:
    """ "Orders, Partner": the API and its plan, once where one name has both."""
    plan = next((asked.plan for asked in key_request.plans.all()), None)
    name = key_request.entry_name
    if plan is None or plan.name.casefold() in name.casefold():
        return name
    return f"{name}, {plan.name}"
