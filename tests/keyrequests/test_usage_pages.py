"""The usage pages: every state in its own words, exact figures, whose they are."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from developers.models import Developer
from keyrequests import live
from keyrequests.models import Key, UsageDay, UsageHour
from tests.keyrequests import rows, scene as scenes
from tyk import pull

Trouble = Key.UsageTrouble
THIN = "\u202f"


@pytest.fixture
def mira(db) -> Developer:
    rows.organisation()
    return rows.developer()


@pytest.fixture
def page(mira: Developer) -> Client:
    return rows.sign_in(Client(), mira)


def day(key: Key, back: int, ok: int, errors: int = 0) -> None:
    now = timezone.now()
    UsageDay.objects.create(
        key=key,
        day=now.date() - timedelta(days=back),
        hits=ok + errors,
        ok=ok,
        errors=errors,
        last_hit=now - timedelta(days=back),
    )


def used_key(who: Developer, **members: object) -> Key:
    key = rows.key(who, rows.plan(), **{"usage_as_of": timezone.now(), **members})
    day(key, 1, 1200, 34)
    return key


# --- States ---------------------------------------------------------------------------
STATES = [
    ({}, "We are collecting your usage"),
    ({"usage_trouble": Trouble.AWAY}, "Statistics are not available right now"),
    ({"usage_trouble": Trouble.REFUSED}, "Statistics are not available right now"),
    ({"usage_trouble": Trouble.OFF}, "Usage is not shown here"),
    ({"usage_as_of": "2026-01-01T00:00Z"}, "No calls yet."),
]
EVERY = {words for _, words in STATES} | {"Statistics are not up to date"}


@pytest.mark.parametrize(("members", "words"), STATES)
@pytest.mark.parametrize("where", ["/", "/usage/", "/usage/{code}/"])
def test_each_state_says_its_own_words_and_no_others(page, mira, members, words, where):
    key = rows.key(mira, rows.plan(), **members)

    said = page.get(where.format(code=key.code)).text

    assert [one for one in sorted(EVERY) if one in said] == [words]
    assert 'class="chart"' not in said
    assert ("curl" in said) == (words == "No calls yet.")


@pytest.mark.parametrize("where", ["/", "/usage/", "/usage/{code}/"])
def test_old_figures_are_shown_with_their_time_while_tyk_is_away(page, mira, where):
    then = timezone.now().replace(hour=0, minute=7) - timedelta(days=1)
    key = used_key(mira, usage_trouble=Trouble.AWAY, usage_as_of=then)

    said = page.get(where.format(code=key.code)).text

    assert "Statistics are not up to date" in said
    assert f"1{THIN}234" in said
    assert "00:07</time>. Days in UTC" in said


def test_a_developer_without_a_key_is_shown_the_catalogue(page):
    said = page.get("/usage/").text
    assert "No keys yet" in said
    assert "Browse APIs" in said


def test_one_key_that_is_not_read_yet_does_not_hide_the_others(page, mira):
    used_key(mira)
    rows.key(mira, rows.plan())
    said = page.get("/usage/").text
    assert 'class="chart"' in said
    assert "collecting" in said


# --- Figures ----------------------------------------------------------------------------
def test_from_the_gateway_to_the_page(box, transactional_db):
    scene = scenes.build(box)
    live.claim(scene.approved())
    pull.run("developers")
    [held] = box.keys()
    hour = timezone.now().replace(minute=0)
    for back, code, hits in ((0, 200, 41), (0, 503, 9), (2, 200, 1000), (8, 200, 77)):
        box.record_usage(held.id, hits=hits, code=code, at=hour - timedelta(days=back))
    pull.run("usage")
    page = rows.sign_in(Client(), scene.developer)
    box.journal.clear()

    home, week = page.get("/").text, page.get("/usage/").text
    month = page.get("/usage/?period=30d").text
    hours = page.get("/usage/?period=48h").text
    page.get("/usage/calls.csv").getvalue()

    for said in (home, week):
        assert f"<dt>Calls</dt><dd>1{THIN}050</dd>" in said
        assert "<dt>Errors</dt><dd>9 <small>0.9" in said
    assert f"<dt>Calls</dt><dd>1{THIN}127</dd>" in month
    assert "<dt>Calls</dt><dd>50</dd>" in hours
    assert f"50 of 10{THIN}000" in home
    assert box.journal.operations() == []


def test_the_table_holds_every_day_with_noughts(page, mira):
    key = used_key(mira)
    said = page.get(f"/usage/{key.code}/").text
    table = said[said.index("<tbody>") : said.index("</tbody>")]
    assert re.findall(r'<td class="num">([^<]*)</td>', table) == [
        *(["0", "0", f"0{THIN}%"] * 5),
        *[f"1{THIN}200", "34", f"2.8{THIN}%"],
        *["0", "0", f"0{THIN}%"],
    ]


def test_keys_outside_the_catalogue_and_ended_ones_keep_their_history(page, mira):
    gone = rows.key(
        mira,
        None,
        name="Old shop",
        state=Key.State.REVOKED,
        ended_at=timezone.now() - timedelta(days=40),
        usage_as_of=timezone.now() - timedelta(days=39),
    )
    day(gone, 60, 5)

    said = page.get("/usage/?period=90d").text

    assert "Old shop" in said
    assert "(No Catalog Entry)" in said
    assert "Revoked" in said
    assert "<dt>Calls</dt><dd>5</dd>" in said


def test_chosen_dates(page, mira):
    key = rows.key(mira, rows.plan(), usage_as_of=timezone.now())
    for at, ok in (("2026-02-01", 3), ("2026-02-28", 4), ("2026-03-01", 50)):
        UsageDay.objects.create(key=key, day=at, hits=ok, ok=ok)

    said = page.get("/usage/?first=2026-02-01&last=2026-02-28").text
    wrong = page.get("/usage/?first=2026-02-28&last=2026-02-01").text

    assert "<dt>Calls</dt><dd>7</dd>" in said
    assert "1 Feb 2026 to 28 Feb 2026" in said
    assert "Choose a day that is not before the first one" in wrong
    assert '<a href="#id_last">' in wrong
    odd = page.get("/usage/?first=x&last=").text
    assert "Type a day such as 2026-11-22" in odd
    assert "Choose a last day" in odd
    assert page.get("/usage/?first=x&last=&period=zz").status_code == 200
    far = page.get("/usage/?first=9999-12-31&last=9999-12-31")
    assert "less than or equal to" in far.text


def test_home_warns_of_a_quota_that_is_nearly_used(page, mira):
    key = rows.key(
        mira, rows.plan(quota_max=1000), name="Storm", usage_as_of=timezone.now()
    )
    day(key, 0, 940)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    UsageHour.objects.create(key=key, hour=hour, hits=940, ok=940)

    said = page.get("/").text

    assert f"Storm has used 94{THIN}% of its quota" in said
    assert '<rect width="94" height="1" class="near"/>' in said
    assert "At least 60 left." in said


# --- Whose they are -----------------------------------------------------------------------
@pytest.mark.parametrize("where", ["/usage/{}/", "/usage/calls.csv?key={}"])
def test_a_strangers_key_is_not_there(mira, where):
    key = used_key(mira)
    charlie = rows.sign_in(Client(), rows.developer("Charlie Clay"))
    assert charlie.get(where.format(key.code)).status_code == 404


def test_a_stranger_sees_nothing_of_it_anywhere(mira):
    used_key(mira, name="Secret plan")
    charlie = rows.sign_in(Client(), rows.developer("Charlie Clay"))
    for path in ("/", "/usage/"):
        said = charlie.get(path).text
        assert "Secret plan" not in said
        assert f"1{THIN}234" not in said
    assert b"1234" not in charlie.get("/usage/calls.csv").getvalue()


@pytest.mark.parametrize("path", ["/usage/", "/usage/calls.csv"])
def test_visitors_log_in_first(db, path):
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


# --- The file --------------------------------------------------------------------------------
def read(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.getvalue().decode())))


def test_the_file_is_exact(page, mira):
    shop = used_key(mira, name="Shop", fp="a" * 28 + "03c7")
    day(shop, 0, 5, 1)
    other = used_key(mira, name="Other", fp="b" * 32)
    today = timezone.now().date()
    yesterday = today - timedelta(days=1)

    answer = page.get("/usage/calls.csv?period=7d")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="usage-')
    assert "no-store" in answer["Cache-Control"]
    opens = "(No Catalog Entry) Standard"
    assert read(answer) == [
        ["day (UTC)", "key", "fingerprint", "API", "calls", "answered", "errors"],
        [f"{yesterday}", "Shop", "03c7", opens, "1234", "1200", "34"],
        [f"{yesterday}", "Other", "bbbb", opens, "1234", "1200", "34"],
        [f"{today}", "Shop", "03c7", opens, "6", "5", "1"],
    ]
    only = read(page.get(f"/usage/calls.csv?period=7d&key={other.code}"))
    assert [line[1] for line in only[1:]] == ["Other"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1"])
def test_no_name_is_a_formula(page, mira, name):
    used_key(mira, name=name)
    line = read(page.get("/usage/calls.csv"))[1]
    assert line[1].startswith("'")


def test_months_in_the_file_are_months(page, mira):
    key = rows.key(mira, rows.plan(), usage_as_of=timezone.now())
    for at in ("2025-12-30", "2025-12-31", "2026-01-01"):
        UsageDay.objects.create(key=key, day=at, hits=2, ok=1, errors=1)
    lines = read(page.get("/usage/calls.csv?first=2025-10-01&last=2026-02-01"))
    assert [(line[0], line[4]) for line in lines[1:]] == [
        ("2025-12", "4"),
        ("2026-01", "2"),
    ]


# --- Costs -------------------------------------------------------------------------------------
@pytest.mark.parametrize("keys", [1, 50])
@pytest.mark.parametrize(
    ("path", "queries"),
    [("/", 6), ("/usage/", 7), ("/usage/?period=48h", 7), ("/usage/calls.csv", 5)],
)
def test_queries_do_not_grow_with_keys(
    page, mira, keys, path, queries, django_assert_num_queries
):
    for _ in range(keys):
        used_key(mira)
    page.get(path)  # notes that she is here, and that she looks
    page.get("/")
    with django_assert_num_queries(queries):
        answer = page.get(path)
        _ = answer.getvalue() if answer.streaming else answer.text
