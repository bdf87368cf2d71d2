"""Every published example of an operation the client has, over a real socket.

The examples are in tests/tyk/examples, each with its public source. A listener
serves the example's answer and records what the client sent; both the request
and the record, or the error class, are compared exactly.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.tyk.dashboard.conftest import KEY, Connect, Serve
from tests.tyk.dashboard.example_case import EXAMPLES, Case
from tests.tyk.dashboard.example_cases import CASES
from tests.tyk.dashboard.listener import Got, reply
from tyk.dashboard import calls, errors

INDEX: list[dict[str, Any]] = json.loads((EXAMPLES / "index.json").read_text())
# No public source shows this call at all: see test_documents.py for its answers.
UNPUBLISHED = {"getDocumentation"}
COVERED = {call.operation for call in calls.ALL} | {"any", "any write"}


def test_every_example_of_a_covered_operation_has_a_case():
    of_ours = {item["file"] for item in INDEX if item["operation"] in COVERED}

    assert set(CASES) == of_ours


def test_every_operation_of_the_client_has_an_example():
    shown = {item["operation"] for item in INDEX}

    assert {call.operation for call in calls.ALL} - shown == UNPUBLISHED


@pytest.mark.parametrize("name", sorted(CASES))
def test_example(name: str, serve: Serve, connect: Connect):
    example = json.loads((EXAMPLES / name).read_text())
    case = CASES[name]
    answer = example["response"]
    headers = answer.get("headers")
    listener = serve(reply(answer["status"], document=answer["body"], headers=headers))
    client = connect(listener)

    if case.error is None:
        assert case.act(client) == case.expected
    else:
        with pytest.raises(errors.DashboardError) as caught:
            case.act(client)
        assert type(caught.value) is case.error
        for attribute, value in case.attributes.items():
            assert getattr(caught.value, attribute) == value

    assert listener.got[0].headers["authorization"] == KEY
    if case.same_call:
        _compare(listener.got[0], example["request"], case)


def _compare(got: Got, expected: dict[str, Any], case: Case) -> None:
    """The client's request is the example's, but for the differences declared."""
    path = case.path or expected["path"]
    assert (got.method, got.path) == (expected["method"], path)
    if "query" in expected:
        assert case.query_we_omit <= set(expected["query"])
        sent = expected["query"].items()
        query = {name: value for name, value in sent if name not in case.query_we_omit}
        assert dict(parse_qsl(got.query, keep_blank_values=True)) == query
    wanted = expected.get("body")
    if wanted is None and "raw_body" in expected:
        wanted = json.loads(expected["raw_body"])
    if wanted is None:
        assert got.body == b""
        return
    kept = {name: value for name, value in wanted.items() if name not in case.we_omit}
    assert set(wanted) - set(kept) == case.we_omit
    assert not set(case.we_add) & set(kept)
    assert got.json == {**kept, **case.we_add}
