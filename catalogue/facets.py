"""Narrowing the list by what people choose an API by. Pure, and links alone.

Each option is an address, so that a choice works without JavaScript, can be kept
as a bookmark, and says beforehand how much it leaves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

#: Facet → its options in the order they are shown: value and words.
ACCESS = {
    "automatic": "Key at once",
    "reviewed": "After a review",
    "open": "No key needed",
}
AUTH = {
    "token": "Key in a header",
    "basic": "User and password",
    "oauth": "OAuth 2.0",
    "jwt": "JSON Web Token",
    "openid": "OpenID Connect",
    "hmac": "HMAC signature",
    "mtls": "Client certificate",
    "other": "Other",
    "keyless": "None",
}
MINE = {
    "key": "I have a key",
    "approved": "Approved, to claim",
    "pending": "In review",
    "none": "Not asked yet",
}
FACETS = {"access": ("Access", ACCESS), "auth": ("Authentication", AUTH)}
MY_FACETS = {"mine": ("My state", MINE), **FACETS}


@dataclass(frozen=True, slots=True)
class Trait:
    """What one line of the list is found by: facet → value."""

    access: str
    auth: str
    mine: str

    def has(self, chosen: Mapping[str, str]) -> bool:
        return all(getattr(self, name) == value for name, value in chosen.items())


@dataclass(frozen=True, slots=True)
class Option:
    """One choice; `count` is what it would leave of the list."""

    words: str
    count: int
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """One group of choices."""

    title: str
    options: list[Option]


@dataclass(frozen=True, slots=True)
class Chip:
    """A choice that holds; `url` is the list without it."""

    words: str
    url: str


def chosen(query: Mapping[str, str], *, signed_in: bool) -> dict[str, str]:
    """The choices a query string makes; unknown names and values count as none."""
    known = MY_FACETS if signed_in else FACETS
    return {
        name: query[name]
        for name, (_, options) in known.items()
        if query.get(name) in options
    }


def facets(
    traits: Sequence[Trait], picked: dict[str, str], *, q: str, signed_in: bool
) -> list[Facet]:
    """The groups that divide the list; counts heed the other groups' choices."""
    found = []
    for name, (title, options) in (MY_FACETS if signed_in else FACETS).items():
        others = {key: value for key, value in picked.items() if key != name}
        left = [getattr(trait, name) for trait in traits if trait.has(others)]
        present = [value for value in options if value in left]
        divides = len({getattr(trait, name) for trait in traits}) > 1
        if divides or name in picked:
            url = _addresses(others, name, q)
            every = Option("Any", len(left), url(""), name not in picked)
            own = [
                Option(options[v], left.count(v), url(v), picked.get(name) == v)
                for v in options
                if v in present or picked.get(name) == v
            ]
            found.append(Facet(title, [every, *own]))
    return found


def chips(picked: dict[str, str], *, q: str) -> list[Chip]:
    """What holds now, each with the way to be rid of it."""
    said = [Chip(f"“{q}”", address(picked, q=""))] if q else []
    for name, value in picked.items():
        others = {key: kept for key, kept in picked.items() if key != name}
        title, options = MY_FACETS[name]
        said.append(Chip(f"{title}: {options[value]}", address(others, q=q)))
    return said


def address(picked: Mapping[str, str], *, q: str) -> str:
    """The list's query string; "." is the list with nothing chosen."""
    wanted = {"q": q, **picked} if q else dict(picked)
    return f"?{urlencode(wanted)}" if wanted else "."


def _addresses(others: dict[str, str], name: str, q: str) -> Callable[[str], str]:
    return lambda value: address({**others, name: value} if value else others, q=q)
