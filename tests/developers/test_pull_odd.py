"""One odd record costs only itself: what no column holds never stops a pull.

Tyk stores what it is given, NUL and any length. PostgreSQL refuses the first anywhere,
and the second where a column ends.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from developers import pull
from developers.models import Developer
from keyrequests.models import Key
from portal_site import drift
from tests.factories import ORG_ID, PASSWORD
from tyk import connect
from tyk.dashboard import records
from tyk.dashboard.errors import Unexpected
from tyk.pull import run
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db


def add(box: Sandbox, address: str, **members) -> str:
    fields = {"Name": "Dora", "Company": "Shop"}
    return box.add_developer(
        address, password=PASSWORD, **{"fields": fields, **members}
    )


def rename(box: Sandbox, old: str, new: str) -> None:
    """Give a developer another id, as an import into Tyk's database would."""
    store = box.world.store
    record = store.get("developers", old) or {}
    with store.change():
        store.delete("developers", old)
        store.put("developers", new, record)


@pytest.fixture
def dora(box, organisation) -> str:
    return add(box, "dora@shop.example")


def addresses() -> list[str]:
    return sorted(Developer.objects.values_list("email", flat=True))


def test_odd_names_and_answers_are_mended(box, dora):
    odd = add(
        box,
        "odd@shop.example",
        fields={"Name": "O\0dd" + "d" * 200, "Company": "Sh\0op"},
    )

    pulled = run("developers")

    assert (pulled.seen, pulled.changed, pulled.bad) == (2, 2, 0)
    row = Developer.objects.get(tyk_id=odd)
    assert row.name == "Odd" + "d" * 197
    assert row.fields == {"Name": "Odd" + "d" * 200, "Company": "Shop"}


def test_a_mended_record_is_unchanged_the_next_time(box, dora):
    add(box, "odd@shop.example", fields={"Name": "O\0dd" * 100})
    listed = connect.dashboard().developers()
    found = [one for one in listed if isinstance(one, records.Developer)]

    assert len(pull.apply(found).changed) == 2
    assert pull.apply(found).changed == []


ODD_ADDRESSES = {
    "NUL": "odd\0@shop.example",
    "too long": "n" * 250 + "@shop.example",
    # Folded for comparing it is longer than as it was written.
    "too long folded": "ß" * 200 + "@shop.example",
}


@pytest.mark.parametrize("_case", ODD_ADDRESSES)
def test_an_address_is_never_cut_into_another(_case, box, dora):
    add(box, ODD_ADDRESSES[_case])

    pulled = run("developers")

    assert (pulled.seen, pulled.changed, pulled.bad) == (2, 1, 1)
    assert addresses() == ["dora@shop.example"]


@pytest.mark.parametrize("odd", ["n" * 65, "5e\0"])
def test_an_id_that_no_column_holds_is_bad(odd, box, dora):
    rename(box, add(box, "odd@shop.example"), odd)

    pulled = run("developers")

    assert (pulled.seen, pulled.changed, pulled.bad) == (2, 1, 1)
    assert addresses() == ["dora@shop.example"]


@pytest.mark.parametrize("odd", ["n" * 65, "5e\0"])
def test_a_comparison_passes_over_an_id_that_no_column_holds(odd, box, dora):
    rename(box, add(box, "odd@shop.example"), odd)
    box.add_request(odd, box.add_policy("Gold"))

    told = {one.record for one in drift.differences()}

    assert dora in told
    assert odd not in told


def test_half_a_character_is_mended_or_bad(organisation):
    """No Go program writes one, but something between us and Tyk may."""
    applied = pull.apply(
        [
            records.Developer("5e\ud800", "a@shop.example", ORG_ID, inactive=False),
            records.Developer("5e", "a\ud800@shop.example", ORG_ID, inactive=False),
            records.Developer(
                "5f",
                "a@shop.example",
                ORG_ID,
                inactive=False,
                fields={"Name": "\ud800"},
            ),
        ]
    )

    assert (applied.changed, applied.bad) == (["5f"], 2)
    assert Developer.objects.get().name == "?"


def test_an_odd_record_retires_nobody_and_hinders_no_retirement(box, dora):
    other = add(box, "other@shop.example")
    run("developers")
    box.edit_developer(dora, email="d\0@shop.example")
    box.delete_developer(other)

    for _ in range(2):
        pulled = run("developers")
        long_ago = timezone.now() - timedelta(minutes=2)
        Developer.objects.exclude(missing_since=None).update(missing_since=long_ago)

    assert (pulled.bad, pulled.retired, pulled.held_back) == (1, 1, "")
    kept = Developer.objects.present().get()
    assert (kept.tyk_id, kept.email) == (dora, "dora@shop.example")
    assert kept.missing_since is None


def test_a_key_of_an_odd_policy_is_listed_without_it(box, dora):
    policy = box.add_policy("orders")
    box.issue_key(dora, policy)
    keys = box.developer(dora)["keys"]
    [key_id] = keys
    odd = ["a\0b", "n" * 65]
    box.edit_developer(dora, keys={key_id: [policy, *odd]})

    pulled = run("developers")

    assert pulled.bad == 0
    assert [one.policy_id for one in Key.objects.get().policies.all()] == [policy]


def test_one_read_alone_that_no_column_holds_is_unexpected(box, dora):
    run("developers")
    box.edit_developer(dora, email="n" * 250 + "@shop.example")

    with pytest.raises(Unexpected, match="wrong_shape"):
        pull.pull_one(dora)

    assert addresses() == ["dora@shop.example"]


def test_one_read_alone_is_mended_too(box, dora):
    run("developers")
    box.edit_developer(dora, fields={"Name": "Do\0ra M", "Company": "\0"})

    row = pull.pull_one(dora)

    assert row is not None
    assert (row.name, row.fields) == ("Dora M", {"Name": "Dora M", "Company": ""})
