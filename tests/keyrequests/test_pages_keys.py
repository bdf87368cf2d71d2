"""The key pages: list, one key, rename, replace, revoke."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from keyrequests.models import Key, KeyRequest, Mint
from tests.keyrequests import rows
from tyk.models import Outbox

pytestmark = pytest.mark.django_db

LIST = "/keys/"
GRANTED = KeyRequest.Status.GRANTED


@pytest.fixture(autouse=True)
def _organisation():
    rows.organisation()


@pytest.fixture
def mira():
    return rows.developer()


@pytest.fixture
def page(client, mira):
    return rows.sign_in(client, mira)


@pytest.fixture
def entry():
    return rows.entry()


def url(name: str, key: Key) -> str:
    return reverse(f"keyrequests:{name}", args=[key.code])


# --- The list ----------------------------------------------------------------------
def test_list_shows_name_plan_and_the_end_of_the_fingerprint(page, mira, entry):
    rows.key(mira, entry.plan, fp="0123456789abcdef03c7")

    text = page.get(LIST).text

    assert "Tinfold checkout" in text
    assert "Orders, Standard" in text
    assert "03c7" in text
    assert "0123456789" not in text
    assert "Active" in text


def test_found_key_was_not_made_the_day_it_was_found(page, mira, entry):
    key = rows.key(mira, entry.plan, origin=Key.Origin.FOUND)
    day = f"{key.created_at:%-d %b}"

    assert "Made elsewhere" in words_of(page.get(LIST))
    assert f"In the portal since {day}" in words_of(page.get(key.get_absolute_url()))

    Key.objects.update(origin=Key.Origin.CLAIMED)
    assert f"Claimed {day}" in words_of(page.get(LIST))


def words_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


def test_policy_outside_the_catalogue_is_labelled(page, mira):
    rows.key(mira, None)
    rows.key(mira, rows.plan("Partner special"))

    text = page.get(LIST).text

    assert text.count("(No Catalog Entry)") == 2
    assert "(No Catalog Entry) Partner special" in text


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "Active"),
        ({"origin": Key.Origin.FOUND}, "Active"),
        ({"state": Key.State.REVOKING}, "Revoking: still live"),
        ({"state": Key.State.REVOKED}, "Revoked"),
        ({"state": Key.State.GONE}, "Ended"),
    ],
)
def test_state_of_a_key_in_words(page, mira, entry, members, words):
    key = rows.key(mira, entry.plan, **members)

    for address in (LIST, key.get_absolute_url()):
        assert f">{words}</span>" in page.get(address).text


def test_replaced_key_says_when_it_ends(page, mira, entry):
    ends = timezone.now() + timedelta(days=7)
    rows.key(mira, entry.plan, ends_at=ends)

    text = page.get(LIST).text

    assert f'Ends <time datetime="{ends:%Y-%m-%dT%H:%M:%SZ}"' in text


def test_filter_shows_active_or_ended_keys(page, mira, entry):
    rows.key(mira, entry.plan, name="Works")
    rows.key(mira, entry.plan, name="Ending", state=Key.State.REVOKING)
    rows.key(mira, entry.plan, name="Over", state=Key.State.REVOKED)

    active, ended = page.get(f"{LIST}?show=active"), page.get(f"{LIST}?show=ended")

    assert [key.name for key in active.context["page"]] == ["Ending", "Works"]
    assert [key.name for key in ended.context["page"]] == ["Over"]
    assert "All 3" in active.text
    assert "Active 2" in active.text
    assert "Ended 1" in active.text


@pytest.mark.parametrize("wanted", ["", "?show=nonsense", "?page=99", "?page=x"])
def test_odd_addresses_show_the_list(page, mira, entry, wanted):
    rows.key(mira, entry.plan)

    response = page.get(LIST + wanted)

    assert response.status_code == 200
    assert "Tinfold checkout" in response.text


def test_empty_list_shows_the_way_on(page):
    assert "No keys yet" in page.get(LIST).text


def test_list_holds_only_own_keys(page, entry):
    rows.key(rows.developer("Charlie"), entry.plan)

    assert "No keys yet" in page.get(LIST).text


@pytest.mark.parametrize("number", [5, 50])
def test_list_takes_the_same_queries_for_any_number(
    page, mira, number, django_assert_max_num_queries
):
    for n in range(number):
        rows.key(mira, rows.entry(f"API {n}").plan)

    with django_assert_max_num_queries(6) as queries:
        page.get(LIST)

    assert len(queries) == 6


@pytest.mark.parametrize("number", [5, 50])
def test_home_takes_the_same_queries_for_any_number(
    page, mira, number, django_assert_max_num_queries
):
    for n in range(number):
        entry = rows.entry(f"API {n}")
        rows.key(mira, entry.plan)
        rows.request(mira, entry)

    page.get("/")  # the first look is noted
    with django_assert_max_num_queries(6) as queries:
        response = page.get("/")

    assert "Tinfold checkout" in response.text
    assert len(queries) == 6


def test_home_shows_what_waits(page, mira, entry):
    approved = rows.request(
        mira, entry, KeyRequest.Status.APPROVED, decided_at=timezone.now()
    )

    text = page.get("/").text

    assert "Your access to Orders is approved" in text
    assert reverse("keyrequests:claim", args=[approved.code]) in text


# --- One key -----------------------------------------------------------------------
def test_key_page_tells_plan_limits_and_header(page, mira, entry):
    sent = rows.request(mira, entry, GRANTED)
    key = rows.key(mira, entry.plan, request=sent)

    text = page.get(key.get_absolute_url()).text

    assert "60 a minute" in text
    assert "10\u202f000 calls a day" in text
    assert "Authorization header" in text
    assert sent.get_absolute_url() in text
    assert url("replace", key) in text
    assert url("revoke", key) in text


def test_found_key_can_be_revoked_but_not_replaced(page, mira, entry):
    key = rows.key(mira, entry.plan, origin=Key.Origin.FOUND, name="")

    text = page.get(key.get_absolute_url()).text

    assert "Made in the gateway dashboard" in text
    assert url("replace", key) not in text
    assert url("revoke", key) in text


def test_key_being_revoked_is_called_still_live(page, mira, entry):
    key = rows.key(mira, entry.plan, state=Key.State.REVOKING)

    text = page.get(key.get_absolute_url()).text

    assert "This key is still live" in text
    assert url("revoke", key) not in text
    # The page looks again by itself, until it says something else.
    assert f'data-state="revoking" data-wait="{key.get_absolute_url()}"' in text


@pytest.mark.parametrize("state", [Key.State.REVOKED, Key.State.GONE])
def test_ended_key_can_not_be_changed(page, mira, entry, state):
    key = rows.key(mira, entry.plan, state=state)

    assert "Change this key" not in page.get(key.get_absolute_url()).text
    response = page.get(url("revoke", key))
    assert response.headers["Location"] == key.get_absolute_url()


def test_ending_key_leads_to_its_replacement(page, mira, entry):
    sent = rows.request(mira, entry, GRANTED)
    old = rows.key(mira, entry.plan, request=sent, ends_at=timezone.now())
    new = rows.key(mira, entry.plan, request=sent)
    Mint.objects.create(
        request=sent,
        replaces=old,
        key=new,
        state=Mint.State.SHOWN,
        started_at=timezone.now(),
        ended_at=timezone.now(),
    )

    text = page.get(old.get_absolute_url()).text

    assert new.get_absolute_url() in text
    assert url("replace", old) not in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (Mint.State.UNSURE, "We are checking whether a new key was made"),
        (Mint.State.LOST, "The last replacement did not reach you"),
    ],
)
def test_lost_replacement_is_told(page, mira, entry, state, words):
    sent = rows.request(mira, entry, GRANTED)
    key = rows.key(mira, entry.plan, request=sent)
    Mint.objects.create(
        request=sent, replaces=key, state=state, started_at=timezone.now()
    )

    text = page.get(key.get_absolute_url()).text

    assert words in text
    assert (url("replace", key) in text) == (state == Mint.State.LOST)


def test_stranger_sees_and_changes_nothing(page, entry):
    theirs = rows.key(rows.developer("Charlie"), entry.plan)

    for answer in (
        page.get(theirs.get_absolute_url()),
        page.post(url("rename", theirs), {"name": "Mine"}),
        page.post(url("replace", theirs), {"overlap": "0"}),
        page.get(url("revoke", theirs)),
        page.post(url("revoke", theirs), {"confirm": theirs.name}),
        page.get(f"/keys/{uuid4()}/"),
    ):
        assert answer.status_code == 404
    theirs.refresh_from_db()
    assert (theirs.name, theirs.state) == ("Tinfold checkout", Key.State.LIVE)
    assert not Outbox.objects.exists()


# --- Renaming ----------------------------------------------------------------------
def test_rename(page, mira, entry):
    key = rows.key(mira, entry.plan)

    response = page.post(url("rename", key), {"name": " Bakery app "}, follow=True)

    key.refresh_from_db()
    assert key.name == "Bakery app"
    assert "<h1>Bakery app</h1>" in response.text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x" * 101, "Use at most 100 characters; these are 101"),
        ("a\x00b", "This holds an invisible character."),
        ("a\x1bb", "This holds an invisible character."),
        ("shop\u202egnp", "Leave out the invisible characters that turn"),
        ("\u2066shop\u2069", "Leave out the invisible characters that turn"),
    ],
)
def test_rename_says_what_is_wrong(page, mira, entry, name, words):
    key = rows.key(mira, entry.plan)

    response = page.post(url("rename", key), {"name": name})

    key.refresh_from_db()
    assert key.name == "Tinfold checkout"
    assert words in response.text
    assert "<title>Error: " in response.text
    assert '<a href="#id_name">' in response.text


def test_name_is_one_line(page, mira, entry):
    key = rows.key(mira, entry.plan)

    page.post(url("rename", key), {"name": "Bakery \r\n\t app\u2028two"})

    key.refresh_from_db()
    assert key.name == "Bakery app two"


def test_rename_after_the_session_ended_comes_back_to_the_key(client, mira, entry):
    key = rows.key(mira, entry.plan)
    own = f"http://testserver{key.get_absolute_url()}"

    response = client.post(
        url("rename", key), {"name": "New"}, headers={"referer": own}
    )

    assert response.url == f"/login/?next={key.get_absolute_url()}"
    assert client.get(response.url).context["next"] == key.get_absolute_url()
    key.refresh_from_db()
    assert key.name == "Tinfold checkout"


def test_rename_by_link_leads_back_to_the_key(page, mira, entry):
    key = rows.key(mira, entry.plan)

    response = page.get(url("rename", key))

    assert (response.status_code, response.url) == (302, key.get_absolute_url())


@pytest.mark.parametrize(
    "came_from",
    [None, "https://evil.example/keys/", "http://testserver:81/keys/", "x:"],
)
def test_a_post_from_elsewhere_comes_back_nowhere(client, mira, entry, came_from):
    key = rows.key(mira, entry.plan)
    headers = {"referer": came_from} if came_from else {}

    response = client.post(url("rename", key), {"name": "New"}, headers=headers)

    assert response.url == "/login/"


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_rename_to_nothing_is_refused(page, mira, entry, name):
    key = rows.key(mira, entry.plan)

    response = page.post(url("rename", key), {"name": name})

    key.refresh_from_db()
    assert key.name == "Tinfold checkout"
    assert "field-bad" in response.text


# --- Revoking ----------------------------------------------------------------------
def test_revoke_page_says_the_effect(page, mira, entry):
    key = rows.key(mira, entry.plan)

    text = page.get(url("revoke", key)).text

    assert "This cannot be undone" in text
    assert "Keep it" in text
    key.refresh_from_db()
    assert key.state == Key.State.LIVE


@pytest.mark.parametrize("typed", ["", "Tinfold", "Tinfold checkout 2"])
def test_revoke_without_the_name_changes_nothing(page, mira, entry, typed):
    key = rows.key(mira, entry.plan)

    response = page.post(url("revoke", key), {"confirm": typed})

    assert "Type “Tinfold checkout” to go on" in response.text
    key.refresh_from_db()
    assert key.state == Key.State.LIVE
    assert not Outbox.objects.exists()


@pytest.mark.parametrize("typed", ["Tinfold checkout", " tinfold  CHECKOUT "])
def test_revoke_with_the_name_asks_tyk_and_stays_honest(page, mira, entry, typed):
    key = rows.key(mira, entry.plan)

    response = page.post(url("revoke", key), {"confirm": typed}, follow=True)

    key.refresh_from_db()
    assert key.state == Key.State.REVOKING
    assert "This key is still live" in response.text
    assert "You asked to revoke the key" in response.text
    assert Outbox.objects.filter(kind="key.revoke").count() == 1


def test_key_without_a_name_is_revoked_by_its_fingerprint(page, mira, entry):
    key = rows.key(mira, entry.plan, name="", fp="0123456789abcdef03c7")

    page.post(url("revoke", key), {"confirm": "03c7"})

    key.refresh_from_db()
    assert key.state == Key.State.REVOKING


# --- Replacing, refused before any call --------------------------------------------
@pytest.mark.parametrize("data", [{}, {"overlap": "99"}, {"overlap": "x"}])
def test_replace_with_an_unknown_overlap_changes_nothing(page, mira, entry, data):
    key = rows.key(mira, entry.plan, request=rows.request(mira, entry, GRANTED))

    response = page.post(url("replace", key), data)

    assert response.headers["Location"] == key.get_absolute_url()
    assert not Mint.objects.exists()


def test_replace_by_link_leads_back_to_the_key(page, mira, entry):
    key = rows.key(mira, entry.plan, request=rows.request(mira, entry, GRANTED))

    response = page.get(url("replace", key))

    assert response.headers["Location"] == key.get_absolute_url()
    assert not Mint.objects.exists()


def test_replace_of_a_found_key_says_why_not(page, mira, entry):
    key = rows.key(mira, entry.plan, origin=Key.Origin.FOUND)

    response = page.post(url("replace", key), {"overlap": "0"}, follow=True)

    assert "This key was not made here." in response.text
    assert not Mint.objects.exists()
