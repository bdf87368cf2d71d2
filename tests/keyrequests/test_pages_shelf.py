"""Keys by API: several of one, each with its own name, and what each is used for."""

import re
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from keyrequests import services
from keyrequests.models import Key, KeyRequest, UsageDay, UsageHour
from tests.keyrequests import rows
from tyk.models import Organisation

pytestmark = pytest.mark.django_db

LIST = "/keys/"


@pytest.fixture(autouse=True)
def _organisation(valkey_client):
    rows.organisation()


@pytest.fixture
def mira():
    return rows.developer()


@pytest.fixture
def page(client, mira):
    return rows.sign_in(client, mira)


def called(key: Key, hits: int) -> None:
    """`key` was called today, the last time two minutes ago."""
    now = timezone.now()
    Key.objects.filter(pk=key.pk).update(usage_as_of=now, usage_tried_at=now)
    UsageDay.objects.create(
        key=key,
        day=now.astimezone(UTC).date(),
        hits=hits,
        ok=hits,
        last_hit=now - timedelta(minutes=2),
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    UsageHour.objects.create(key=key, hour=hour, hits=hits, ok=hits)


def shelves(response: Any) -> list[tuple[str, list[str]]]:
    return [
        (shelf.name, [one.key.name for one in found])
        for shelf, found in response.context["shelves"]
    ]


def words_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


# --- The list ------------------------------------------------------------------------
def test_plans_of_one_api_stand_together(page, mira):
    apis = [["a1", "Orders"]]
    for name in ("Standard", "Partner"):
        on = rows.entry(f"Orders {name}", plan=rows.plan(name, apis=apis)).plan
        rows.key(mira, on, name=f"{name} key")
    rows.key(mira, rows.entry("Weather").plan, name="Weather key")
    rows.key(mira, None, name="Legacy")

    assert shelves(page.get(LIST)) == [
        ("Orders", ["Partner key", "Standard key"]),
        ("Weather", ["Weather key"]),
        ("Other keys", ["Legacy"]),
    ]


def test_working_keys_come_first(page, mira):
    on = rows.entry().plan
    rows.key(mira, on, name="Works")
    rows.key(mira, on, name="Over", state=Key.State.REVOKED)

    assert shelves(page.get(LIST)) == [("Orders", ["Works", "Over"])]


def test_another_key_is_asked_for_where_the_first_one_was(page, mira):
    entry = rows.entry()
    rows.key(mira, entry.plan)

    form = reverse("keyrequests:ask", args=[entry.slug])

    assert f'<a class="small" href="{form}">Add another key' in page.get(LIST).text
    assert "What you send here asks for one more." in page.get(form).text


@pytest.mark.parametrize("gone", ["hidden", "not live"])
def test_no_other_key_of_what_is_no_longer_offered(page, mira, gone):
    entry = rows.entry(shown=gone != "hidden", plan=rows.plan(live=gone != "not live"))
    rows.key(mira, entry.plan)

    assert "Add another key" not in page.get(LIST).text


def test_row_says_last_call_and_how_much_of_the_quota_is_used(page, mira):
    key = rows.key(mira, rows.entry().plan)
    called(key, 9_822)

    text = words_of(page.get(LIST))

    assert "2 minutes ago" in text
    assert "9 822 of 10 000" in text


# --- Names ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("held", "project", "name"),
    [
        ([], "", "Orders"),
        (["Orders"], "", "Orders 2"),
        (["Orders", "Orders 2"], "", "Orders 3"),
        (["Orders", "Orders 3"], "", "Orders 2"),
        (["Orders"], "Till", "Till"),
        (["Till"], "Till", "Till 2"),
        (["x" * 100], "x" * 100, "x" * 90 + " 2"),
    ],
)
def test_new_key_has_a_name_of_its_own(mira, held, project, name):
    entry = rows.entry()
    for other in held:
        rows.key(mira, entry.plan, name=other)
    request = rows.request(mira, entry, KeyRequest.Status.APPROVED, project=project)

    assert services.name_for(request) == name


def test_name_of_an_ended_key_is_free_again(mira):
    entry = rows.entry()
    rows.key(mira, entry.plan, name="Orders", state=Key.State.REVOKED)
    request = rows.request(mira, entry, KeyRequest.Status.APPROVED)

    assert services.name_for(request) == "Orders"


# --- What a key is used for --------------------------------------------------------------
def test_key_page_shows_calls_and_quota(page, mira):
    key = rows.key(mira, rows.entry().plan)
    called(key, 6_104)

    text = words_of(page.get(key.get_absolute_url()))

    assert "Calls, last 7 days" in text
    assert "Last call 2 minutes ago" in text
    assert "6 104 of 10 000" in text


def test_opening_a_key_asks_for_fresh_figures(page, mira):
    key = rows.key(mira, rows.entry().plan)

    page.get(key.get_absolute_url())

    key.refresh_from_db()
    assert key.usage_wanted_at is not None


@pytest.mark.parametrize(
    ("hits", "words"),
    [
        (6_104, "It made 6 104 calls today, the last one 2 minutes ago ."),
        (1, "It made 1 call today, the last one 2 minutes ago ."),
        (0, "No call was made with it so far."),
        (None, "How much it is used is not known right now."),
    ],
)
def test_revoking_says_first_what_still_uses_it(page, mira, hits, words):
    key = rows.key(mira, rows.entry().plan)
    if hits:
        called(key, hits)
    elif hits == 0:
        Key.objects.update(usage_as_of=timezone.now())

    text = words_of(page.get(reverse("keyrequests:revoke", args=[key.code])))

    assert words in text
    assert "This cannot be undone" in text


@pytest.mark.parametrize("state", [Key.State.LIVE, Key.State.REVOKED])
def test_key_page_takes_few_queries(page, mira, state, django_assert_max_num_queries):
    Organisation.current()
    key = rows.key(mira, rows.entry().plan, state=state)

    with django_assert_max_num_queries(14):
        page.get(key.get_absolute_url())
