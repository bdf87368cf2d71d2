"""Compares what people were told with what Tyk holds and what the portal keeps.

Pure functions over three sides: the history (tests/soak/history.py), the Dashboard's
truth (tests/soak/box.py) and the portal's tables (tests/soak/chores.py). Each promise
is one function that names what breaks it; no answer is a kept promise.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.soak.history import FAIL, OK, UNKNOWN, Act

MARKER = "portal_ref"
OPEN = {"pending", "approved"}
ENDED = {"granted", "declined", "withdrawn", "lapsed"}
#: A person has to look at these, and the portal told them so.
FOR_A_PERSON = {"developer.keys_lost"}


@dataclass(frozen=True)
class Problem:
    """A promise that was not kept, and where."""

    promise: str
    what: str


@dataclass
class Sides:
    """The three sides. `ids`: what Tyk lists a raw key under, "" if it does not."""

    history: Sequence[Act]
    truth: Mapping[str, Any]
    tables: Mapping[str, Any]
    ids: Mapping[str, str] = field(default_factory=dict)
    #: Whether each password typed at a reset is right: by (address, password).
    right: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    first_passwords: Mapping[str, str] = field(default_factory=dict)

    def acts(self, *what: str, outcome: str = OK) -> list[Act]:
        return [a for a in self.history if a.what in what and a.outcome == outcome]

    @property
    def live(self) -> set[str]:
        """Ids of the keys the gateway serves."""
        return {key["id"] for key in self.truth["keys"] if key["live"]}

    @property
    def request_of(self) -> dict[str, str]:
        """Code of the request behind each marker: its own, and its mints'."""
        instance = self.tables["instance"]
        own = {f"{instance}.{r['code']}": r["code"] for r in self.tables["requests"]}
        later = {f"{instance}.{m['code']}": m["request"] for m in self.tables["mints"]}
        return {**own, **later}


def problems(sides: Sides) -> list[Problem]:
    """Every promise that is not kept at rest."""
    checks = [
        lost_requests,
        unasked_requests,
        doubled_keys,
        doubled_requests,
        strangers_keys,
        dead_keys,
        undead_keys,
        unseen_keys,
        keys_shown_twice,
        under_way,
        unlike_mirror,
        wrong_passwords,
        lost_edits,
    ]
    return [problem for check in checks for problem in check(sides)]


# --- Requests ----------------------------------------------------------------------
def lost_requests(sides: Sides) -> Iterator[Problem]:
    """Every accepted request is there, and can go on or has ended."""
    rows = {row["code"]: row for row in sides.tables["requests"]}
    waiting = {r["id"] for r in sides.truth["requests"] if not r["approved"]}
    mints = defaultdict(list)
    for mint in sides.tables["mints"]:
        mints[mint["request"]].append(mint)
    for act in sides.acts("ask"):
        row = rows.get(act.request)
        if row is None:
            yield Problem("lost", f"request {act.request} is nowhere")
        elif row["status"] not in OPEN | ENDED:
            yield Problem("lost", f"request {act.request} is {row['status']}")
        elif row["status"] in OPEN:
            tried = bool(mints[act.request])
            if row["tyk_id"] not in waiting and not tried:
                yield Problem("lost", f"request {act.request} is not in Tyk")
        elif (
            row["status"] == "granted"
            and row["decided_in"] != "tyk"
            and not any(mint["state"] == "shown" for mint in mints[act.request])
        ):
            yield Problem("lost", f"request {act.request} is granted without a key")


def unasked_requests(sides: Sides) -> Iterator[Problem]:
    """No more requests than forms were sent whose answer was lost."""
    told = {act.request for act in sides.acts("ask")}
    unknown = Counter(act.who for act in sides.acts("ask", outcome=UNKNOWN))
    extra = Counter(
        row["developer"]
        for row in sides.tables["requests"]
        if row["origin"] == "portal" and row["code"] not in told
    )
    for who, number in extra.items():
        if number > unknown[who]:
            yield Problem("doubled", f"{number} requests of {who} that nobody sent")


def doubled_requests(sides: Sides) -> Iterator[Problem]:
    """Tyk holds each request of ours once."""
    markers = Counter(
        marker
        for one in sides.truth["requests"]
        if not one["approved"] and (marker := one["fields"].get(MARKER))
    )
    for marker, number in markers.items():
        if number > 1:
            yield Problem("doubled", f"{number} requests in Tyk of {marker}")


def unfinished_requests(sides: Sides) -> Iterator[Problem]:
    """Once staff decided all and developers claimed all, nothing is open any more."""
    rows = {row["code"]: row["status"] for row in sides.tables["requests"]}
    for act in sides.acts("ask"):
        if rows.get(act.request) in OPEN:
            yield Problem("lost", f"request {act.request} stays {rows[act.request]}")


# --- Keys --------------------------------------------------------------------------
def doubled_keys(sides: Sides) -> Iterator[Problem]:
    """At most one live key from each request: a replaced one has ended."""
    behind = sides.request_of
    held = Counter(
        behind[key["marker"]]
        for key in sides.truth["keys"]
        if key["live"] and key["marker"] in behind
    )
    for request, number in held.items():
        if number > 1:
            yield Problem("doubled", f"{number} live keys of request {request}")


def strangers_keys(sides: Sides) -> Iterator[Problem]:
    """Every key that was issued by hand still works."""
    for act in sides.acts("issue by hand"):
        if sides.ids.get(act.raw, "") not in sides.live:
            yield Problem("stranger", f"a key by hand of {act.request} was removed")


def _given_up(sides: Sides) -> set[str]:
    """Codes of the keys their owner ended, or may have ended."""
    acts = [a for a in sides.history if a.outcome != FAIL]
    replaced = {a.old for a in acts if a.what == "replace"}
    return replaced | {a.key for a in acts if a.what == "revoke"}


def dead_keys(sides: Sides) -> Iterator[Problem]:
    """Every key somebody was shown and did not give up works, and is listed so."""
    given_up = _given_up(sides)
    rows = {row["code"]: row for row in sides.tables["keys"]}
    for act in sides.acts("claim", "replace"):
        if act.key in given_up:
            continue
        key_id = sides.ids.get(act.raw, "")
        row = rows.get(act.key)
        if key_id not in sides.live:
            yield Problem("dead", f"shown key {act.key} does not work")
        elif row is None or row["state"] != "live":
            state = row["state"] if row else "nowhere"
            yield Problem("dead", f"shown key {act.key} works and is {state} here")
        elif row["id"] and row["id"] != key_id:
            yield Problem("dead", f"shown key {act.key} is kept under another id")


def undead_keys(sides: Sides) -> Iterator[Problem]:
    """What was revoked or replaced does not work any more, or the portal says so."""
    rows = {row["code"]: row for row in sides.tables["keys"]}
    ended = {act.key for act in sides.acts("revoke")}
    ended |= {act.old for act in sides.acts("replace")}
    raws = {act.key: act.raw for act in sides.acts("claim", "replace")}
    for code in ended:
        key_id = sides.ids.get(raws.get(code, ""), "") or rows[code]["id"]
        if key_id and key_id in sides.live:
            yield Problem("undead", f"ended key {code} works ({rows[code]['state']})")


def unseen_keys(sides: Sides) -> Iterator[Problem]:
    """No live key of ours that no mint has shown: nobody could use or end it."""
    shown = {mint["key"] for mint in sides.tables["mints"] if mint["state"] == "shown"}
    known = {row["id"] for row in sides.tables["keys"] if row["code"] in shown}
    behind = sides.request_of
    for key in sides.truth["keys"]:
        if key["live"] and key["marker"] in behind and key["id"] not in known:
            yield Problem("doubled", f"a live key of {behind[key['marker']]} is unseen")


def keys_shown_twice(sides: Sides) -> Iterator[Problem]:
    raws = Counter(act.raw for act in sides.acts("claim", "replace"))
    if raws and max(raws.values()) > 1:
        yield Problem("doubled", "a key was shown on two pages")


# --- At rest -----------------------------------------------------------------------
def under_way(sides: Sides) -> Iterator[Problem]:
    """Nothing is owed, unsure or parked, but what waits for a person and says so."""
    for row in sides.tables["owed"]:
        if row["kind"] in FOR_A_PERSON and row["parked"]:
            continue
        word = f"parked: {row['parked']}" if row["parked"] else row["said"]
        yield Problem("under way", f"{row['kind']} {row['subject']}: {word}")
    for mint in sides.tables["mints"]:
        if mint["state"] in {"sending", "unsure"}:
            yield Problem("under way", f"mint {mint['code']} is {mint['state']}")
    for kind, said in sides.tables["errors"]:
        yield Problem("under way", f"{kind}: {said}")


def unlike_mirror(sides: Sides) -> Iterator[Problem]:
    """The keys listed here are those each developer's record lists."""
    here = defaultdict(set)
    for row in sides.tables["keys"]:
        if row["state"] in {"live", "revoking"}:
            here[row["developer"]].add(row["id"])
    for one in sides.truth["developers"]:
        there = set(one["keys"])
        if here[one["id"]] != there:
            more, less = len(here[one["id"]] - there), len(there - here[one["id"]])
            yield Problem(
                "mirror", f"{one['id']}: {more} keys too many here, {less} too few"
            )


# --- People --------------------------------------------------------------------------
def wrong_passwords(sides: Sides) -> Iterator[Problem]:
    """The last password somebody was told is set, is; a lost answer leaves a choice."""
    resets = defaultdict(list)
    for act in sides.history:
        if act.what == "reset" and act.outcome != FAIL:
            resets[act.who].append(act)
    for who, acts in resets.items():
        if not any(sides.right[who, p] for p in _possible(sides, who, acts)):
            yield Problem("password", f"none that {who} was told works")


def _possible(sides: Sides, who: str, acts: list[Act]) -> list[str]:
    """From the newest back to the last that is certain; no older one undoes it."""
    possible = []
    for act in reversed(acts):
        possible.append(act.value)
        if act.outcome == OK:
            return possible
    return [*possible, sides.first_passwords[who]]


def lost_edits(sides: Sides) -> Iterator[Problem]:
    """The last wish about a profile is Tyk's, or its owner was asked."""
    last = {row["developer"]: row["state"] for row in sides.tables["edits"]}
    unsettled = {who for who, state in last.items() if state not in {"due", "done"}}
    held = {
        one["email"]: one["fields"].get("Phone", "")
        for one in sides.truth["developers"]
    }
    wishes: dict[str, list[Act]] = defaultdict(list)
    for act in sides.history:
        if act.what == "edit" and act.outcome != FAIL:
            wishes[act.who].append(act)
    for who, acts in wishes.items():
        possible = []
        for act in reversed(acts):
            possible.append(act.value)
            if act.outcome == OK:
                break
        else:
            possible.append("none")
        if who not in unsettled and held[who] not in possible:
            yield Problem("edit", f"the last wish of {who} is not in Tyk")


def undone_by_hand(sides: Sides) -> int:
    """How many last edits of the stranger are not there: Tyk has no lock, and a
    whole record that lands late brings back what it was read with."""
    last = {act.request: act.value for act in sides.acts("edit by hand")}
    held = {
        one["id"]: one["fields"].get("Company", "") for one in sides.truth["developers"]
    }
    return sum(held[who] != value for who, value in last.items())
