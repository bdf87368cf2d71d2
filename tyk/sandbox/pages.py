"""Read-only pages: what "Tyk" holds, for people who try the portal out.

Open without a token because they show no secret: keys by shortened hash, no password,
no body of any call. No scripts, and every value is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
from collections.abc import Callable, Iterable
from html import escape
from typing import TYPE_CHECKING

from tyk.sandbox.answers import HTML_TYPE, Answer
from tyk.sandbox.pages_style import STYLE
from tyk.sandbox.truth import KeyRecord

if TYPE_CHECKING:
    from tyk.sandbox.box import Sandbox

MOST_ROWS = 200
LAST_CALLS = 50
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
Row = Iterable[object]


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _cell(value: object) -> str:
    inside = value if isinstance(value, Markup) else escape(str(value))
    return f"<td>{inside}</td>"


def tag(text: str, kind: str) -> Markup:
    """A small label; `kind` is `good`, `wait`, `bad` or `dull`."""
    return Markup(f'<span class="tag {kind}">{escape(text)}</span>')


def code(text: str) -> Markup:
    return Markup(f"<code>{escape(text)}</code>")


def table(title: str, heads: list[str], rows: list[Row], *, total: int) -> str:
    """A section with a table, or a line that says there is nothing."""
    head = f"<h2>{escape(title)} <small>{total}</small></h2>"
    if not rows:
        return f'<section>{head}<p class="none">None yet.</p></section>'
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    cut = f'<p class="none">The first {len(rows)} are shown.</p>'
    more = cut if total > len(rows) else ""
    return (
        f'<section>{head}<div class="scroll"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>{more}</section>"
    )


def day(text: str) -> Markup:
    """The day of a date, kept on one line."""
    return Markup(f"<time>{escape(text[:10])}</time>")


def _short(key: KeyRecord) -> Markup:
    return code(f"{key.shown_id[:6]}…")


def _names(box: Sandbox) -> dict[str, str]:
    return {record["_id"]: record["name"] for record in box.policies()}


def _person(box: Sandbox, developer_id: str) -> str:
    record = box.world.store.get("developers", developer_id)
    return "(gone)" if record is None else str(record.get("email", ""))


def _named(names: dict[str, str], references: Iterable[str] | None) -> str:
    return ", ".join(names.get(r, f"{r} (gone)") for r in references or ()) or "none"


def _fields(fields: dict[str, str] | None) -> str:
    return "; ".join(f"{name}: {value}" for name, value in (fields or {}).items())


def _developers(box: Sandbox) -> str:
    held = box.world.store.items("developers")
    rows: list[Row] = []
    for developer_id, record in held[:MOST_ROWS]:
        off = record.get("inactive", False)
        state = tag("inactive", "bad") if off else tag("active", "good")
        fields = _fields(record.get("fields"))
        count = len(record.get("keys") or {})
        rows.append((record["email"], state, fields, count, code(developer_id)))
    heads = ["Address", "State", "Fields", "Keys", "Id"]
    return table("Developers", heads, rows, total=len(held))


def _requests(box: Sandbox) -> str:
    names, held = _names(box), box.world.store.items("requests")
    first = heapq.nsmallest(
        MOST_ROWS,
        held,
        key=lambda i: (i[1].get("approved", False), i[1].get("date_created", "")),
    )
    rows: list[Row] = []
    for _, record in first:
        done = record.get("approved", False)
        state = tag("approved", "good") if done else tag("pending", "wait")
        wanted = _named(names, record.get("apply_policies"))
        who = _person(box, record.get("by_user", ""))
        made = day(record.get("date_created", ""))
        rows.append((state, who, wanted, _fields(record.get("fields")), made))
    heads = ["State", "Developer", "Policies", "Fields", "Made on"]
    return table("Key requests", heads, rows, total=len(held))


def _keys(box: Sandbox) -> str:
    names, held = _names(box), box.keys()
    rows: list[Row] = []
    for key in held[:MOST_ROWS]:
        state = tag("live", "good") if key.live else tag("not served", "bad")
        who = _person(box, key.developer)
        wanted = _named(names, key.policies)
        rows.append((_short(key), key.kind, state, who, wanted, day(key.created)))
    heads = ["Id", "Kind", "State", "Developer", "Policies", "Made on"]
    return table("Keys", heads, rows, total=len(held))


def _entry_tag(entry: dict[str, object]) -> Markup:
    if not entry["show"]:
        return tag("hidden", "dull")
    return tag("keyless", "dull") if entry["is_keyless"] else tag("shown", "good")


def _catalogue(box: Sandbox) -> str:
    names, held = _names(box), box.entries()
    rows: list[Row] = [
        (
            entry["name"],
            _entry_tag(entry),
            _named(names, [entry["policy_id"]]),
            entry["auth_type"],
            entry["short_description"],
        )
        for entry in held[:MOST_ROWS]
    ]
    heads = ["Entry", "State", "Policy", "Authentication", "Description"]
    return table("Catalogue", heads, rows, total=len(held))


def _policies(box: Sandbox) -> str:
    held = box.policies()
    rows: list[Row] = []
    for record in held[:MOST_ROWS]:
        on = record["active"] and not record["is_inactive"]
        state = tag(record["state"] or "active", "good" if on else "bad")
        rate = f"{record['rate']:g} in {record['per']:g} s"
        most = record["quota_max"]
        quota = "unlimited" if most < 0 else f"{most:g}"
        rows.append((record["name"], state, rate, quota, code(record["_id"])))
    heads = ["Policy", "State", "Rate limit", "Quota", "Id"]
    return table("Policies", heads, rows, total=len(held))


def _calls(box: Sandbox) -> str:
    held = box.journal.calls()
    rows: list[Row] = []
    for entry in reversed(held[-LAST_CALLS:]):
        took = "…"
        if entry.ended is not None:
            took = f"{(entry.ended - entry.started) * 1000:.1f} ms"
        kind = "good" if 200 <= entry.status < 300 else "bad"
        status = tag(str(entry.status or "no answer"), kind)
        what = code(f"{entry.method} {entry.path or '(unknown path)'}")
        rows.append((entry.number, entry.operation, what, status, took, entry.fault))
    heads = ["No.", "Operation", "Call", "Status", "Time", "Fault"]
    return table("Last calls", heads, rows, total=len(held))


def _everything(box: Sandbox) -> str:
    return "".join(section(box) for section in SECTIONS.values())


SECTIONS: dict[str, Callable[[Sandbox], str]] = {
    "requests": _requests,
    "developers": _developers,
    "keys": _keys,
    "catalogue": _catalogue,
    "policies": _policies,
    "calls": _calls,
}
PAGES: dict[str, Callable[[Sandbox], str]] = {
    "": _everything,
    **{f"/{name}": section for name, section in SECTIONS.items()},
}


def _navigation() -> str:
    links = [("", "All"), *((name, name.capitalize()) for name in SECTIONS)]
    return "".join(f'<a href="/_sandbox/{path}">{name}</a>' for path, name in links)


def rendered(box: Sandbox, page: Callable[[Sandbox], str]) -> Answer:
    """A page as an answer, with its headers."""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Tyk sandbox</title><style>{STYLE}</style></head><body>"
        "<header><h1>Tyk sandbox</h1><p>What the embedded Dashboard holds. For trying "
        "things out: nothing here is a real Tyk Dashboard.</p>"
        f"<nav>{_navigation()}</nav></header><main>{page(box)}</main></body></html>"
    )
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    return Answer(text=text, content_type=HTML_TYPE, headers=headers)
