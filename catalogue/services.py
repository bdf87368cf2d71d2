"""What people find on the shelf, and what an entry asks of them. No network."""

import unicodedata
from collections.abc import Iterable, Sequence

from django.db.models import Case, Q, TextField, Value, When

from catalogue import text
from catalogue.models import Document, Entry, EntryQuerySet, Plan
from tyk import fitting
from tyk.models import Organisation, PullState


# --- The shelf ---------------------------------------------------------------
def shown_entries() -> EntryQuerySet:
    """What a visitor sees, in Tyk's order, with the plan joined."""
    return Entry.objects.on_the_shelf()


def entry(slug: str) -> Entry:
    """The entry on the shelf; Entry.DoesNotExist also for a hidden one."""
    return shown_entries().get(slug=slug)


def requestable(entry: Entry) -> bool:
    """Whether a key can be asked for: there is a plan, and Tyk still honours it."""
    return not entry.keyless and entry.plan is not None and entry.plan.offered


def search(entries: Sequence[Entry], words: str) -> list[Entry]:
    """Entries in which every word occurs, whatever its case or accents.

    Looked at are names, texts, plans, APIs, and the tags, paths and summaries of
    the document. In Python, since SQLite folds the case of ASCII letters only.
    One query, for the documents' words.
    """
    wanted = _folded(words).split()
    documented = _document_words(entries)
    return [
        entry
        for entry in entries
        if _holds(_haystack(entry, documented.get(entry.pk, "")), wanted)
    ]


def _holds(haystack: str, wanted: list[str]) -> bool:
    return all(word in haystack for word in wanted)


def _haystack(entry: Entry, document: str) -> str:
    plan = entry.plan.name if entry.plan else ""
    apis = " ".join(name for _, name in entry.plan.apis) if entry.plan else ""
    texts = f"{entry.short_text} {text.plain(entry.long_text)}"
    return _folded(f"{entry.name} {plan} {apis} {texts} {document}")


def _document_words(entries: Iterable[Entry]) -> dict[int, str]:
    """By entry; an upload hides what Tyk's document says."""
    documents = Document.objects.filter(entry__in=[e.pk for e in entries])
    rows = documents.in_order_of_trust().values_list("entry_id", "words")
    return dict(reversed(rows))


def _folded(words: str) -> str:
    split = unicodedata.normalize("NFKD", words.casefold())
    return "".join(c for c in split if not unicodedata.combining(c))


def ledger(slug: str) -> tuple[Entry, list[Entry]]:
    """The entry and, in Tyk's order, all whose plans open the same APIs.

    One query over the shelf, which carries no long text but the entry's own.
    Raises Entry.DoesNotExist as `entry` does.
    """
    own_text = Case(
        When(slug=slug, then="long_text"),
        default=Value(""),
        output_field=TextField(),
    )
    shelf = list(shown_entries().defer("long_text").annotate(own_text=own_text))
    found = next((entry for entry in shelf if entry.slug == slug), None)
    if found is None:
        raise Entry.DoesNotExist
    found.long_text = vars(found)["own_text"]
    apis = _api_ids(found)
    beside = [e for e in shelf if e is found or (apis and _api_ids(e) == apis)]
    return found, beside


def _api_ids(entry: Entry) -> frozenset[str]:
    if entry.plan is None or entry.keyless:
        return frozenset()
    return frozenset(api_id for api_id, _ in entry.plan.apis)


# --- Plans -------------------------------------------------------------------
def plan_for(policy_id: str) -> Plan | None:
    """The plan Tyk means by this id, which may be `_id` or a custom `id`."""
    return plans_for([policy_id]).get(policy_id)


def plans_for(policy_ids: Iterable[str]) -> dict[str, Plan]:
    """The same for many in one query; ids of no known policy are absent.

    `_id` wins. Of several policies with one custom id (Tyk does not forbid it)
    an offered one wins, then the oldest.
    """
    # An id with NUL in it names no policy here, and PostgreSQL refuses the question.
    wanted = {one for one in policy_ids if one and fitting.fits(one)}
    plans = Plan.objects.filter(Q(oid__in=wanted) | Q(ref__in=wanted)).order_by("pk")
    found: dict[str, Plan] = {}
    for plan in sorted(plans, key=lambda plan: not plan.offered):
        found.setdefault(plan.ref, plan)
    found |= {plan.oid: plan for plan in plans}
    return {policy_id: found[policy_id] for policy_id in wanted & found.keys()}


# --- What an entry asks ------------------------------------------------------
def needs_approval(entry: Entry, organisation: Organisation) -> bool:
    """Whether a person decides: the entry's own word, else the organisation's."""
    if entry.approval_override is not None:
        return entry.approval_override
    return organisation.require_key_approval


def ask_fields(entry: Entry, organisation: Organisation) -> list[str]:
    """Extra questions of the request form: the entry's, else the organisation's."""
    own = entry.ask_fields
    return list(organisation.key_request_fields if own is None else own)


# --- For staff ---------------------------------------------------------------
def warnings(entry: Entry) -> list[str]:
    """Why the entry is not on the shelf; empty if it is. Needs `plan` joined."""
    found = []
    if entry.gone_at is not None:
        found.append("no longer in Tyk's catalogue")
    if not entry.shown:
        found.append("hidden in Tyk")
    if not entry.keyless:
        found += _policy_warnings(entry)
    return found


def _policy_warnings(entry: Entry) -> list[str]:
    if entry.plan is None:
        known = f"no policy {entry.policy_id} in Tyk" if entry.policy_id else ""
        return [known or "no policy chosen"]
    return plan_warnings(entry.plan, in_entries=1)


def plan_warnings(plan: Plan, *, in_entries: int) -> list[str]:
    """What keeps developers from this plan. `in_entries`: how many lead to it."""
    found = []
    if plan.gone_at is not None:
        found.append("policy deleted in Tyk")
    elif not plan.live:
        found.append("policy not active in Tyk")
    if not in_entries:
        found.append("in no catalogue entry")
    return found


def why_empty() -> list[str]:
    """What keeps the shelf empty, in sentences for staff; four queries."""
    pulled = PullState.objects.filter(kind="catalogue").first()
    if pulled is None or pulled.completed_at is None:
        return ["The catalogue has not been read from Tyk yet.", *_failure(pulled)]
    present = Entry.objects.present()
    hidden = present.filter(shown=False).count()
    dead = present.filter(shown=True, keyless=False).exclude(
        plan__live=True, plan__gone_at=None
    )
    reasons = [
        (hidden, "hidden in Tyk (show is off)"),
        (dead.count(), "shown, but without a policy that is active"),
    ]
    said = [
        f"{n} {'entry is' if n == 1 else 'entries are'} {w}." for n, w in reasons if n
    ]
    return [*(said or ["Tyk's catalogue has no entries."]), *_failure(pulled)]


def _failure(pulled: PullState | None) -> list[str]:
    if pulled is None or not pulled.last_error:
        return []
    return [f"The last attempt failed: {pulled.last_error}"]
