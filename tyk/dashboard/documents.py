"""The documentation of a catalogue entry, out of its base64."""

from __future__ import annotations

import base64
from collections.abc import Callable

from tyk.dashboard.records import Documentation
from tyk.dashboard.shape import Malformed, Members
from tyk.dashboard.transport import MiB

MAX_BYTES = 4 * MiB
_ENCODED = {"swagger", "blueprint"}
_WHERE = "documentation.documentation"


def reader(*, max_bytes: int) -> Callable[[object], Documentation]:
    """How to read a document of at most `max_bytes` when decoded."""
    return lambda document: documentation(document, max_bytes=max_bytes)


def documentation(document: object, *, max_bytes: int) -> Documentation:
    """A document; `Malformed` for one that is no base64, no address or too large.

    For `swagger_custom_url` the text is an address, for `graphql` a word without
    meaning (Tyk docs, portal-documentation); of a kind not known here nothing is
    taken but its name.
    """
    it = Members(document, where="documentation")
    kind, text = it.text("doc_type"), it.required_text("documentation")
    return Documentation(
        id=it.text("id", "_id"),
        kind=kind,
        api_id=it.text("api_id"),
        content=_decoded(text, max_bytes) if kind in _ENCODED else b"",
        url=_address(text) if kind == "swagger_custom_url" else "",
    )


def _decoded(text: str, max_bytes: int) -> bytes:
    # Command-line tools wrap at 76 columns, and some leave out the padding.
    packed = "".join(text.split()).rstrip("=").translate({45: "+", 95: "/"})
    if len(packed) * 3 // 4 > max_bytes:
        raise Malformed(f"{_WHERE}: too long", reason="too_large")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError:
        raise Malformed(f"{_WHERE}: text, expected base64") from None


def _address(text: str) -> str:
    # It becomes a link or a fetch: a `javascript:` address must be neither.
    address = text.strip()
    if not address.lower().startswith(("https://", "http://")):
        raise Malformed(f"{_WHERE}: text, expected web address")
    return address
