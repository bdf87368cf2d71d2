"""Documents that mean harm, or are simply wrong, with what people are told."""

import json
from typing import Any

HEAD: dict[str, Any] = {"openapi": "3.0.3", "info": {"title": "Orders", "version": "1"}}


def document(**members: Any) -> dict[str, Any]:
    """A small OpenAPI document with these members."""
    calls = {"/orders": {"get": {"summary": "List orders", "responses": {}}}}
    return {**HEAD, "paths": calls, **members}


def body(**members: Any) -> bytes:
    return json.dumps(document(**members)).encode()


def aliases(*, merged: bool) -> bytes:
    """Eleven lines that unfold nine to the eleventh."""
    lines = ["openapi: 3.0.3", "a: &a0 {k: 1}" if merged else "a: &a0 [lol, lol]"]
    for n in range(1, 12):
        again = ", ".join([f"*a{n - 1}"] * 9)
        lines.append(
            f"b{n}: &a{n} {{<<: [{again}], k{n}: 1}}"
            if merged
            else f"b{n}: &a{n} [{again}]"
        )
    return "\n".join(lines).encode()


EVIL = "<script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>"
LINKS = (
    "[a](javascript:alert(3)) ![b](https://evil.example/p.png) ![c][d]\n\n"
    "[d]: https://evil.example/r.png\n\n<a href='javascript:alert(4)'>e</a>"
    "<svg onload=alert(5)><iframe src=https://evil.example></iframe>"
    "<form action=https://evil.example><input name=password></form>"
    "<style>body{display:none}</style>"
)
#: May be shown, and must harm nobody who looks.
SHOWN: dict[str, bytes] = {
    "markup in every text": json.dumps(
        {
            "openapi": "3.0.3",
            "info": {
                "title": EVIL,
                "version": EVIL,
                "description": f"{EVIL} {LINKS}",
                "termsOfService": "javascript:alert(6)",
                "contact": {"name": EVIL, "url": "javascript:alert(7)"},
            },
            "externalDocs": {"url": "javascript:alert(8)", "description": LINKS},
            "servers": [{"url": "https://evil.example/", "description": EVIL}],
            "tags": [{"name": EVIL, "description": LINKS}],
            "paths": {
                f"/{EVIL}": {
                    "get": {
                        "tags": [EVIL],
                        "operationId": EVIL,
                        "summary": EVIL,
                        "description": LINKS,
                        "externalDocs": {"url": "data:text/html,<script>1</script>"},
                        "parameters": [
                            {
                                "name": EVIL,
                                "in": "query",
                                "description": LINKS,
                                "schema": {"type": "string", "enum": [EVIL, LINKS]},
                            }
                        ],
                        "responses": {
                            "200": {
                                "description": LINKS,
                                "content": {
                                    "text/html": {"example": EVIL},
                                    "application/json": {"example": {EVIL: LINKS}},
                                },
                            },
                            EVIL: {"description": EVIL},
                        },
                    }
                }
            },
            "components": {
                "schemas": {EVIL: {"type": "object", "description": LINKS}},
                "securitySchemes": {
                    "o": {
                        "type": "oauth2",
                        "flows": {
                            "implicit": {
                                "authorizationUrl": "javascript:alert(9)",
                                "scopes": {},
                            }
                        },
                    }
                },
            },
        }
    ).encode(),
    "a reference in a circle": body(
        components={
            "schemas": {
                "A": {"$ref": "#/components/schemas/B"},
                "B": {"$ref": "#/components/schemas/A"},
                "C": {"properties": {"c": {"$ref": "#/components/schemas/C"}}},
            },
            "parameters": {"P": {"$ref": "#/components/parameters/P"}},
        },
        paths={
            "/a": {
                "parameters": [{"$ref": "#/components/parameters/P"}],
                "get": {
                    "responses": {
                        "200": {"$ref": "#/nowhere"},
                        "201": {
                            "description": "d",
                            "content": {
                                "application/json": {
                                    "schema": {"$ref": "#/components/schemas/A"}
                                }
                            },
                        },
                    }
                },
            }
        },
    ),
    "webhooks only": json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Events", "version": "1"},
            "webhooks": {
                "paid": {"post": {"summary": "An order was paid", "responses": {}}}
            },
        }
    ).encode(),
    "odd types in corners": body(
        paths={
            "/orders": {
                "get": {
                    "summary": 7,
                    "description": ["x"],
                    "operationId": {"a": 1},
                    "parameters": ["x", None, {"name": 3}, {"name": "ok", "in": []}],
                    "responses": {"200": "fine", "404": None},
                    "deprecated": "yes",
                }
            }
        },
        servers=[{"url": 7, "variables": {"a": "b"}}, "x"],
        tags=["x", None, {"name": None}],
        components={"schemas": {"A": {"type": 7, "properties": {"a": "b"}}}},
    ),
    "half a character and NUL": (
        b'{"openapi":"3.0.3","info":{"title":"A\\ud800\\u0000B","version":"1"},"paths":{}}'
    ),
    "nothing in it": b"swagger: '2.0'\ninfo: {title: Empty, version: 1.0}\npaths: {}\n",
}

#: Refused, and a part of the sentence that says why.
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b" \n", "It is empty."),
    "no text": (b"\xff\xfe{\x00}", "It is not UTF-8 text."),
    "8 MiB": (b" " * (8 * 1024 * 1024), "It is larger than 4 MiB."),
    "a large YAML": (b"a: " + b"x" * 1_100_000, "YAML is read up to 1 MiB"),
    "broken JSON": (b'{"openapi": ', "It is not JSON: line 1, column 13."),
    "broken YAML": (b"a: [1,\nb", "It is not YAML: line 3, column 1."),
    "NaN": (b'{"a": NaN}', "It holds NaN"),
    "infinity by size": (b'{"a": 1e999}', "It holds inf"),
    "NaN in YAML": (b"a: .nan", "It holds .nan"),
    "a number without end": (
        b'{"a": ' + b"9" * 5_000 + b"}",
        "number that is too long",
    ),
    "deep JSON": (b"[" * 200_000, "nested more than 100 levels"),
    "deep YAML": (b"a: " + b"[" * 200_000, "nested more than 100 levels"),
    "deep in the middle": (
        b'{"a":' * 150 + b"1" + b"}" * 150,
        "nested more than 100 levels",
    ),
    "an alias bomb": (aliases(merged=False), "Its aliases unfold"),
    "a merge bomb": (aliases(merged=True), "Its aliases unfold"),
    "a value in itself": (b"a: &a [*a]", "The alias *a leads nowhere."),
    "a Python object": (b"a: !!python/object:os.system x", "It holds the tag"),
    "two documents": (b"a: 1\n---\nb: 2", "It holds several documents"),
    "a list": (b"[1]", "it holds no named members"),
    "no version": (b"{}", 'neither "openapi" nor "swagger"'),
    "a later version": (b'{"openapi": "4.0.0"}', "Its version is 4.0.0;"),
    "no info": (b'{"openapi": "3.0.0"}', "info is missing"),
    "no title": (b'{"openapi": "3.0.0", "info": {}}', "info.title is missing"),
    "paths as a list": (body(paths=["/a"]), "paths is missing or holds no named"),
    "a path without a slash": (body(paths={"a": {}}), "does not begin with"),
    "a path of nothing": (body(paths={"/a": 7}), "holds no named members"),
    "a call of nothing": (body(paths={"/a": {"get": []}}), "/a.get is missing"),
    "answers as a list": (
        body(paths={"/a": {"get": {"responses": [1]}}}),
        "/a.responses is missing or holds no",
    ),
    "parameters as text": (
        body(paths={"/a": {"get": {"parameters": "x"}}}),
        "/a.parameters is not a list",
    ),
    "another file": (
        body(components={"schemas": {"A": {"$ref": "https://evil.example/a.yaml"}}}),
        "It refers to another file (https://evil.example/a.yaml)",
    ),
    "a file beside it": (
        body(paths={"/a": {"$ref": "../admin/secret.json"}}),
        "It refers to another file (../admin/secret.json)",
    ),
    "too many calls": (
        body(paths={f"/{n}": {"get": {}, "put": {}} for n in range(800)}),
        "more than 1500 calls",
    ),
    "too many values": (b"[" + b"1," * 400_000 + b"1]", "more than 300000 values"),
}
