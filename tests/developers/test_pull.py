"""Tyk's developers in the mirror: an allow-list, written only where it differs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from developers import pull, services
from developers.models import Developer, User
from tests.factories import ORG_ID, PASSWORD, OrganisationFactory
from tyk import connect
from tyk.dashboard import records
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db


def listed() -> list[records.Developer]:
    """Every developer of Tyk, as the client streams them."""
    found = list(connect.dashboard().developers())
    assert all(isinstance(item, records.Developer) for item in found)
    return [item for item in found if isinstance(item, records.Developer)]


def add(box: Sandbox, number: int, **members) -> str:
    return box.add_developer(
        f"Dev{number}@shop.example",
        password=PASSWORD,
        fields={"Name": f"Dev {number}", "Company": "Shop", "portal_ref": "x.y"},
        **members,
    )


def test_first_pull_takes_what_the_portal_uses_and_nothing_else(box, organisation):
    made = add(box, 1, sso_key="sso-secret", nonce="nonce-secret")

    applied = pull.apply(listed())

    assert (applied.changed, applied.refused) == ([made], 0)
    row = Developer.objects.get()
    assert (row.tyk_id, row.email, row.email_key, row.name) == (
        made,
        "Dev1@shop.example",
        "dev1@shop.example",
        "Dev 1",
    )
    assert row.fields == {"Name": "Dev 1", "Company": "Shop"}
    assert (row.inactive, row.gone_at) == (False, None)
    assert row.password_updated is not None
    assert "secret" not in str(vars(row))
    assert User.objects.count() == 0


def test_nothing_new_is_one_query_and_nothing_written(
    box, organisation, django_assert_num_queries
):
    for number in range(20):
        add(box, number)
    found = listed()
    pull.apply(found)
    before = list(Developer.objects.order_by("pk").values())

    # The organisation, one look at the digests, and the transaction around it.
    with django_assert_num_queries(4):
        applied = pull.apply(found)

    assert applied.changed == []
    assert list(Developer.objects.order_by("pk").values()) == before


def test_only_what_changed_is_written(box, organisation):
    first, second = add(box, 1), add(box, 2)
    pull.apply(listed())
    codes = dict(Developer.objects.values_list("tyk_id", "code"))
    box.edit_developer(second, inactive=True, email="Second@shop.example")

    assert pull.apply(listed()).changed == [second]

    row = Developer.objects.get(tyk_id=second)
    assert (row.inactive, row.email_key) == (True, "second@shop.example")
    assert dict(Developer.objects.values_list("tyk_id", "code")) == codes
    assert Developer.objects.get(tyk_id=first).inactive is False


def test_duplicate_addresses_are_kept_apart(box, organisation):
    ids = {add(box, 1), add(box, 1)}
    pull.apply(listed())
    assert set(Developer.objects.values_list("tyk_id", flat=True)) == ids


def test_record_listed_twice_is_one_row(box, organisation):
    add(box, 1)
    assert len(pull.apply(listed() * 2).changed) == 1


def test_another_organisations_record_is_refused(box, organisation):
    box.switch(foreign_records="shown")
    add(box, 1, org_id="5e9d9544a1dcd60001d0ffff")
    ours = add(box, 2)

    applied = pull.apply(listed())

    assert (applied.changed, applied.refused) == ([ours], 1)
    assert Developer.objects.count() == 1


def test_before_the_organisation_is_known_everybody_is_taken(box, db):
    OrganisationFactory(org_id="")
    add(box, 1)
    assert len(pull.apply(listed()).changed) == 1
    assert listed()[0].org_id == ORG_ID


def test_more_records_than_a_chunk(box, organisation):
    found = [
        records.Developer(f"{n:024x}", f"d{n}@shop.example", ORG_ID, inactive=False)
        for n in range(pull.CHUNK * 2 + 1)
    ]
    assert len(pull.apply(found).changed) == 1001
    assert Developer.objects.count() == 1001


def test_password_changed_elsewhere_ends_sessions(box, organisation, signed_in):
    made = add(box, 1)
    pull.apply(listed())
    browser = signed_in(Developer.objects.get())
    assert browser.get("/account/").status_code == 200
    later = timezone.now() + timedelta(hours=1)
    box.edit_developer(made, password_updated=later.isoformat())

    pull.apply(listed())

    assert browser.get("/account/").status_code == 302


@pytest.mark.parametrize(("hours", "status"), [(1, 302), (-1, 200)])
def test_the_first_date_that_tyk_tells_is_news_if_it_is_later_than_our_look(
    box, organisation, signed_in, hours, status
):
    made = add(box, 1)
    pull.apply(listed())
    Developer.objects.update(password_updated=None, digest="")
    browser = signed_in(Developer.objects.get())
    moved = timezone.now() + timedelta(hours=hours)
    box.edit_developer(made, password_updated=moved.isoformat())

    pull.apply(listed())

    assert browser.get("/account/").status_code == status


def test_keys_are_known_from_a_dashboard_that_tells_only_subscriptions():
    record = records.Developer(
        "5f", "a@shop.example", ORG_ID, inactive=False, subscriptions={"p1": "k1"}
    )

    assert pull.holdings(record) == {"k1"}
    assert pull.holdings(replace(record, keys={"k2": ("p1",)})) == {"k2"}


def test_password_changed_here_keeps_the_session_that_did_it(
    box, organisation, signed_in
):
    made = add(box, 1)
    pull.apply(listed())
    developer = Developer.objects.get()
    services.password_was_changed(developer)
    browser = signed_in(developer)
    later = timezone.now() + timedelta(seconds=30)
    box.edit_developer(made, password_updated=later.isoformat())

    pull.apply(listed())

    assert browser.get("/account/").status_code == 200


def test_gone_and_back(box, organisation):
    made = add(box, 1)
    pull.apply(listed())
    pull.mark_gone(made)
    assert Developer.objects.present().count() == 0

    assert pull.apply(listed()).changed == [made]
    assert Developer.objects.present().count() == 1


@pytest.mark.parametrize("status", [404, 400])
def test_one_that_tyk_deleted_is_gone_here(status, box, organisation):
    box.switch(developer_missing=status)
    made = add(box, 1)
    pull.apply(listed())
    box.delete_developer(made)

    assert pull.pull_one(made) is None
    assert Developer.objects.get().gone_at is not None


def test_one_that_changed_is_read_again(box, organisation):
    made = add(box, 1)
    pull.apply(listed())
    box.edit_developer(made, inactive=True)
    row = pull.pull_one(made)
    assert row is not None
    assert row.inactive
