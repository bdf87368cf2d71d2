"""First calls in several languages, pasted into shells by people who trust us."""

import ast

import pytest

from catalogue.openapi import Call, Group, Outline, Parameter
from catalogue.samples import base_url, first_call, samples
from tests.catalogue.reading import page
from tests.factories import EntryFactory

URL = "https://api.northwind.example/orders"


def outline(*paths: str, server: str = "", required: bool = False) -> Outline:
    parameters = [Parameter(name="q", place="query", required=required, text="")]
    calls = [
        Call(
            number=1,
            verb="GET",
            path=path,
            summary="",
            text="",
            deprecated=False,
            parameters=parameters,
            answers=[],
        )
        for path in paths
    ]
    return Outline(
        text="", server=server, groups=[Group(name="", text="", calls=calls)]
    )


@pytest.mark.parametrize(
    ("kind", "languages"),
    [
        ("token", ["curl", "python", "javascript", "go"]),
        ("basic", ["curl", "python", "javascript", "go"]),
        ("oauth", ["curl", "python", "javascript", "go"]),
        ("jwt", ["curl", "python", "javascript", "go"]),
        ("openid", ["curl", "python", "javascript", "go"]),
        ("keyless", ["curl", "python", "javascript", "go"]),
        ("mtls", ["curl", "python"]),
        ("hmac", ["curl"]),
        ("other", ["curl"]),
    ],
)
def test_languages_that_can_send_this_kind(kind, languages):
    made = samples(kind, URL)

    assert [sample.key for sample in made] == languages
    assert all(URL in sample.code for sample in made)


@pytest.mark.parametrize("kind", ["token", "basic", "oauth", "jwt", "keyless", "mtls"])
def test_python_is_python(kind):
    ast.parse(next(s.code for s in samples(kind, URL) if s.key == "python"))


@pytest.mark.parametrize(
    ("kind", "carried"),
    [
        ("token", ['"Authorization": os.environ["API_KEY"]', "process.env.API_KEY"]),
        ("basic", ["auth=(", "btoa(", "SetBasicAuth("]),
        ("oauth", ["Bearer {os", "`Bearer ${", '"Bearer "+os.Getenv("ACCESS_TOKEN")']),
    ],
)
def test_each_carries_what_the_kind_needs(kind, carried):
    code = "\n".join(sample.code for sample in samples(kind, URL))
    assert [part for part in carried if part not in code] == []


@pytest.mark.parametrize(
    ("paths", "call"),
    [
        (["/orders"], "/orders"),
        (["/orders/{id}", "/stock"], "/stock"),
        (['/a";rm -rf ~;"', "/b$(id)", "/c\nd", "/e`id`", "/f?x&y"], "/"),
        ([], "/"),
    ],
)
def test_the_first_call_needs_nothing_and_is_safe_in_a_shell(paths, call):
    base = "https://api.example"
    assert first_call(outline(*paths), base) == f"{base}{call}"


def test_a_call_with_a_required_value_is_not_the_first():
    assert first_call(outline("/a", required=True), "https://x") == "https://x/"


@pytest.mark.parametrize(
    ("server", "base"),
    [
        ("https://api.example/v2", "https://api.example/v2"),
        ("https://inside.corp/v2", "https://api.example"),
        ('https://api.example/";id;"', "https://api.example"),
        ("", "https://api.example"),
        ("https://[tenant].api.example", "https://api.example"),
        ("https://api.example]", "https://api.example"),
    ],
)
def test_calls_go_to_the_companys_own_host(server, base):
    assert base_url(outline(server=server), "https://api.example") == base


@pytest.mark.django_db
def test_a_language_is_a_page_without_scripts(client):
    EntryFactory(slug="orders")
    html = client.get("/catalogue/orders/?code=python").content.decode()
    assert '<div id="sample-curl" hidden>' in html
    assert '<div id="sample-python">' in html
    assert 'href="?code=go#call"' in html
    assert "curl" in page(client, "/catalogue/orders/?code=cobol")
