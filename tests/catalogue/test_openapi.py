"""Reading documents: what is taken, what is refused, and at what price."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from catalogue.loading import Unreadable, load
from catalogue.openapi import describe
from tests.catalogue import hostile

DEMO = Path(__file__).parents[2] / "tyk" / "sandbox" / "documents"


@pytest.mark.parametrize("case", hostile.REFUSED)
def test_what_can_not_be_shown_is_refused_with_a_sentence(case):
    body, why = hostile.REFUSED[case]
    began = time.monotonic()

    with pytest.raises(Unreadable) as refused:
        describe(body)

    assert why in str(refused.value)
    # Most take a millisecond; a hang, or a crash of the process, is what this is for.
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("case", hostile.SHOWN)
def test_what_is_odd_but_whole_is_shown(case):
    description = describe(hostile.SHOWN[case])

    assert json.loads(description.viewer)["info"]
    json.dumps(description.outline).encode("utf-8")
    assert "\0" not in description.viewer


def test_no_address_in_the_viewers_copy_is_a_program():
    root = json.loads(describe(hostile.SHOWN["markup in every text"]).viewer)

    assert root["info"]["termsOfService"] == ""
    assert root["info"]["contact"]["url"] == ""
    assert root["externalDocs"]["url"] == ""
    assert root["servers"][0]["url"] == "https://evil.example/"


def test_every_document_of_the_demo_is_read():
    told = {
        path.stem: describe(path.read_bytes()) for path in sorted(DEMO.glob("*.json"))
    }

    assert {name: each.format for name, each in told.items()} == {
        "connect": "OpenAPI 3.0",
        "geocoding": "OpenAPI 3.1",
        "ledger": "OpenAPI 3.0",
        "orders": "OpenAPI 3.0",
        "payments": "OpenAPI 3.1",
        "shipping": "OpenAPI 3.0",
        "status": "OpenAPI 3.0",
        "weather": "OpenAPI 3.0",
    }
    orders = told["orders"].outline
    assert orders["server"] == "https://api.northwind.example/orders/v2"
    assert [(g["name"], len(g["calls"])) for g in orders["groups"]] == [
        ("Orders", 7),
        ("Returns", 3),
        ("Events", 1),
    ]


SWAGGER = b"""
swagger: "2.0"
info: {title: Stock, version: 1.0, description: "How much *there is*."}
host: api.northwind.example
basePath: /stock
schemes: [https]
x-shared: &shared {description: Not found}
paths:
  /items/{id}:
    parameters:
      - {name: id, in: path, required: true, type: string, description: Our number}
    get:
      summary: Read an item
      parameters: [{$ref: "#/parameters/lang"}]
      responses:
        200: {description: The item}
        404: *shared
    delete:
      deprecated: true
      responses: {204: {description: Gone}}
parameters:
  lang: {name: lang, in: query, type: string}
"""


def test_swagger_in_yaml_becomes_an_outline():
    told = describe(SWAGGER)

    assert (told.format, told.syntax) == ("Swagger 2.0", "yaml")
    assert (told.title, told.version) == ("Stock", "1.0")
    assert told.text.strip() == SWAGGER.decode().strip()
    assert told.outline["server"] == "https://api.northwind.example/stock"
    (group,) = told.outline["groups"]
    read, delete = group["calls"]
    assert (read["number"], read["verb"], read["path"]) == (1, "GET", "/items/{id}")
    assert [(p["name"], p["place"], p["required"]) for p in read["parameters"]] == [
        ("lang", "query", False),
        ("id", "path", True),
    ]
    assert [(a["code"], a["text"]) for a in read["answers"]] == [
        ("200", "The item"),
        ("404", "Not found"),
    ]
    assert delete["deprecated"] is True
    assert "Read an item" in told.words


def test_webhooks_are_calls_too():
    (group,) = describe(hostile.SHOWN["webhooks only"]).outline["groups"]

    assert group["name"] == "Webhooks"
    assert [call["summary"] for call in group["calls"]] == ["An order was paid"]


def test_yaml_is_read_by_the_schema_of_version_1_2():
    """PyYAML's own would make a date, two booleans and a number of base 60."""
    body = b"a: 2020-01-01\nb: no\nc: on\nd: 12:30:00\ne: 1_000\nf: 0o17\ng: ~\n1: x\n"

    assert load(body).value == {
        "a": "2020-01-01",
        "b": "no",
        "c": "on",
        "d": "12:30:00",
        "e": "1_000",
        "f": 15,
        "g": None,
        "1": "x",
    }


NUMBERS_THAT_ARE_TEXTS = b"""
openapi: 3.1
info: {title: 2024.10, version: 1.10}
servers:
  - url: https://api.northwind.example/{version}
    variables: {version: {default: 1.10, enum: [1.10, 2.0]}}
paths:
  /items: {get: {x-price: 1.10, responses: {200: {description: All}}}}
"""


def test_a_version_that_looks_like_a_number_stays_as_it_was_written():
    told = describe(NUMBERS_THAT_ARE_TEXTS)

    assert (told.format, told.title, told.version) == (
        "OpenAPI 3.1",
        "2024.10",
        "1.10",
    )
    assert told.outline["server"] == "https://api.northwind.example/1.10"
    root = json.loads(told.viewer)
    assert root["openapi"] == "3.1"
    assert root["info"] == {"title": "2024.10", "version": "1.10"}
    variable = root["servers"][0]["variables"]["version"]
    assert variable == {"default": "1.10", "enum": ["1.10", "2.0"]}
    # Elsewhere a number is a number.
    assert root["paths"]["/items"]["get"]["x-price"] == 1.1


def test_variables_that_name_each_other_grow_nothing():
    names = "abcdefgh"
    variables = {
        one: {"default": f"{{{other}}}" * 33} for one, other in pairwise(names)
    }
    server = {"url": "https://api.example/" + "{a}" * 90, "variables": variables}
    root = {"openapi": "3.1.0", "info": {"title": "T"}, "servers": [server]}

    told = describe(json.dumps({**root, "paths": {}}).encode())

    assert told.outline["server"] == ""


def test_a_variable_is_filled_in_once():
    variables = {"host": {"default": "{stage}"}, "stage": {"default": "live"}}
    server = {"url": "https://{stage}.api.example/{host}", "variables": variables}
    root = {"openapi": "3.1.0", "info": {"title": "T"}, "servers": [server]}

    told = describe(json.dumps({**root, "paths": {}}).encode())

    assert told.outline["server"] == "https://live.api.example/{stage}"


def test_a_version_that_is_not_there_is_no_text():
    body = b"openapi: 3.1.0\ninfo: {title: Stock, version: ~}\npaths: {}"

    assert describe(body).version == ""


def test_a_merge_gives_way_to_own_members():
    body = b"a: &a {p: 1, q: 1}\nb: &b {q: 2, r: 2}\nc: {<<: [*a, *b], r: 3}"

    assert load(body).value["c"] == {"r": 3, "p": 1, "q": 1}  # type: ignore[call-overload,index]  # a mapping, as written
