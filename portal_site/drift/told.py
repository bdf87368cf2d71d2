"""Words of the drift desk: what a difference is about, and what became of it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from catalogue.models import Entry, Plan
from developers.models import Developer, User
from developers.services import FIELD
from keyrequests.models import KeyRequest
from portal_site.drift import decisions
from portal_site.drift.owners import (
    ADDRESS,
    BOTH,
    DEVELOPER,
    ENTRY,
    KEY,
    NAME,
    ORGANISATION,
    OURS,
    PLAN,
    REQUEST,
    TYKS,
)
from portal_site.models import Act, DriftFinding

KINDS = (ORGANISATION, PLAN, ENTRY, DEVELOPER, KEY, REQUEST)
OWNERS = (TYKS, OURS, BOTH)
LATELY = 10
HIDDEN = "for those who may see developers"


@dataclass(frozen=True, slots=True)
class Words:
    """What one decision is called, and what it does. `{}` is how many."""

    button: str
    effect: str
    one: str
    many: str

    def question(self, count: int) -> str:
        return f"{self.button}?" if count == 1 else f"{self.button}: {count}?"

    def done(self, count: int) -> str:
        return self.one if count == 1 else self.many.format(count)


WORDS = {
    Act.Verb.TAKE: Words(
        button="Take Tyk's value",
        effect="The record is read from Tyk once more and written into the mirror by "
        "the usual pull, with all its fields. Nothing is written to Tyk.",
        one="Tyk's value is being taken.",
        many="{} of Tyk's values are being taken.",
    ),
    Act.Verb.PUSH: Words(
        button="Push ours to Tyk",
        effect="Our value goes to Tyk through the outbox: the record is read, only "
        "this field is changed, and everything else goes back as it was.",
        one="Ours is on its way to Tyk.",
        many="{} of ours are on their way to Tyk.",
    ),
    Act.Verb.IGNORE: Words(
        button="Ignore until a value moves",
        effect="Nothing is written. The difference leaves this list, and comes back "
        "as soon as either value is another one.",
        one="The difference is ignored until a value moves.",
        many="{} differences are ignored until a value moves.",
    ),
    Act.Verb.NOTICE: Words(
        button="Ignore no longer",
        effect="Nothing is written. The difference comes back to this list.",
        one="The difference is back in the list.",
        many="{} differences are back in the list.",
    ),
}
LINKS = {
    Act.Verb.TAKE: "Take Tyk's",
    Act.Verb.PUSH: "Push ours",
    Act.Verb.IGNORE: "Ignore",
}


# --- One page of rows -----------------------------------------------------------------
def with_words(
    rows: list[DriftFinding], staff: User | AnonymousUser | Any
) -> list[DriftFinding]:
    """The same rows, each with `.act`, `.about`, `.url` and `.may_decide`.

    However many rows: a query for each kind, and one for what was decided. Names,
    links, and what developers are called are for those alone who may see them.
    """
    acts = decisions.latest(row.fingerprint for row in rows)
    names = _names(rows, staff)
    may = staff.has_perm("portal_site.change_driftfinding")
    sees = staff.has_perm(_NAMED[DEVELOPER].right)
    for row in rows:
        about, url = names.get((row.kind, row.within or row.record), ("", ""))
        act = acts.get(row.fingerprint)
        if is_personal(row) and not sees:
            # In memory, for this page; the row stays as it is.
            row.here = row.there = HIDDEN
        vars(row).update(
            act=act if act is not None and _counts(act, row) else None,
            about=about,
            url=url,
            may_decide=may,
        )
    return rows


def is_personal(row: DriftFinding) -> bool:
    """Whether the values are a developer's address, name or answers."""
    told = row.field in {ADDRESS, NAME} or row.field.startswith(FIELD)
    return row.kind == DEVELOPER and told


def _counts(act: Act, row: DriftFinding) -> bool:
    """An older decision that ended says nothing of what was met since."""
    return act.ended_at is None or act.at >= row.found_at


@dataclass(frozen=True, slots=True)
class _Named:
    """Where rows of a kind have their name, and who may see it."""

    model: type[models.Model]
    column: str

    @property
    def page(self) -> str:
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}"

    @property
    def right(self) -> str:
        label = self.model._meta.app_label
        return f"{label}.view_{self.model._meta.model_name}"


_NAMED = {
    DEVELOPER: _Named(Developer, "tyk_id"),
    KEY: _Named(Developer, "tyk_id"),
    REQUEST: _Named(KeyRequest, "tyk_id"),
    PLAN: _Named(Plan, "oid"),
    ENTRY: _Named(Entry, "slug"),
}


def _names(
    rows: list[DriftFinding], staff: Any
) -> dict[tuple[str, str], tuple[str, str]]:
    """By kind and id: the name and the page of what the mirror knows."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        wanted[row.kind].add(row.within or row.record)
    found = {}
    for kind, ids in wanted.items():
        named = _NAMED.get(kind)
        if named is None or not staff.has_perm(named.right):
            continue
        query = named.model._default_manager.filter(**{f"{named.column}__in": ids})
        for one in query:
            url = reverse(f"admin:{named.page}_change", args=[one.pk])
            name = getattr(one, "number", "") or str(one)
            found[kind, str(getattr(one, named.column))] = name, url
    return found


# --- Cells --------------------------------------------------------------------------------
def record(row: Any) -> SafeString:
    """The kind, whose it is if that is known, and the id in Tyk."""
    name = format_html('<a href="{}">{}</a>', row.url, row.about) if row.url else ""
    return format_html(
        '{}{}{}<span class="sub">{}</span>',
        row.kind.capitalize(),
        ": " if name else "",
        name,
        row.record,
    )


def field(row: DriftFinding) -> SafeString:
    """The field, and whose it is."""
    owner = {TYKS: "Tyk's", OURS: "the portal's", BOTH: "both may write it"}
    return format_html(
        '{}<span class="sub">{}</span>', row.field, owner.get(row.owner, row.owner)
    )


def decision(row: Any) -> SafeString:
    """What was decided, or what may be."""
    act: Act | None = row.act
    if act is not None:
        return _decided(row, act)
    if not row.may_decide:
        return mark_safe('<span class="badge badge-wait">To decide</span>')
    return _offers(row)


def _offers(row: Any) -> SafeString:
    """A link to the page that asks, for each decision that fits."""
    offered = [verb for verb in LINKS if not why_not(row, verb)]
    return format_html_join(
        " ",
        '<a class="act" href="{}">{}<span class="vh"> ({}, {})</span></a>',
        (
            (_url(row, verb), LINKS[verb], row.about or row.record, row.field)
            for verb in offered
        ),
    )


def _decided(row: Any, act: Act) -> SafeString:
    sentence = outcome(act)
    again = ""
    if act.state == Act.State.STANDING and row.may_decide:
        url = _url(row, Act.Verb.NOTICE)
        again = format_html('<a class="act" href="{}">Ignore no longer</a>', url)
    elif act.ended_at is not None and row.may_decide:
        again = _offers(row)
    return format_html(
        '<span class="badge {}">{}</span><span class="sub">{}</span>{}',
        _BADGES.get(Act.State(act.state), ""),
        _STATES.get(Act.State(act.state), act.get_state_display().capitalize()),
        sentence,
        again,
    )


_BADGES = {
    Act.State.DUE: "badge-wait",
    Act.State.STANDING: "",
    Act.State.DONE: "badge-ok",
    Act.State.CHANGED: "badge-stop",
    Act.State.STUCK: "badge-stop",
}
_STATES = {
    Act.State.DUE: "On its way",
    Act.State.STANDING: "Ignored",
    Act.State.CHANGED: "Changed meanwhile",
    Act.State.STUCK: "Not done",
}
_DOES = {
    Act.Verb.TAKE: "{} takes Tyk's value",
    Act.Verb.PUSH: "{} pushes ours",
    Act.Verb.IGNORE: "{} ignores it until a value moves",
}


def outcome(act: Act) -> str:
    """Who does what, and what came of it, in a line."""
    does = _DOES.get(Act.Verb(act.verb), "{}").format(act.actor)
    return f"{does}. {act.note}" if act.note else f"{does}."


def why_not(row: DriftFinding, verb: Act.Verb) -> str:
    """Why this decision is not offered; "" if it is."""
    if verb == Act.Verb.NOTICE:
        return "" if row.ignored else "Nobody ignores this difference."
    if row.ignored:
        return "It is ignored. Ignore it no longer first."
    return decisions.why_not(row, verb)


def _url(row: DriftFinding, verb: Act.Verb) -> str:
    return reverse("admin:portal_site_driftfinding_decide", args=[row.pk, verb.value])


def lately() -> list[Act]:
    """The latest decisions about single differences, whatever became of them."""
    acts = Act.objects.exclude(fingerprint="")
    return list(acts[:LATELY])
