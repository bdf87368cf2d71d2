"""Usage: path dates, exclusive end, zero rows, sums by status."""

from datetime import UTC, datetime

import pytest

from tests.tyk.sandbox.caller import error

MAY_22 = datetime(2024, 5, 22, 12, 31, tzinfo=UTC)


@pytest.fixture
def key_id(box, ada, gold):
    return box.key_id(box.issue_key(ada, gold))


def aggregate(api, keys: str, dates: str = "20/5/2024/24/5/2024", query: str = ""):
    path = f"/api/activity/keys/aggregate/{keys}/{dates}?p=-1{query}"
    return api.get(path).json()["data"]


def busy(rows) -> list[tuple[int, int, int, int]]:
    """Day, status, hits and errors of the rows that count something."""
    return sorted(
        (row["id"]["day"], row["id"]["code"], row["hits"], row["error"])
        for row in rows
        if row["hits"]
    )


def test_a_day_has_a_row_for_each_status(api, box, key_id):
    box.record_usage(key_id, hits=10, at=MAY_22)
    box.record_usage(key_id, hits=2, code=429, at=MAY_22)

    rows = aggregate(api, f"{key_id},")

    assert busy(rows) == [(22, 200, 10, 0), (22, 429, 2, 2)]
    assert next(r for r in rows if r["hits"] == 10)["last_hit"].startswith(
        "2024-05-22T"
    )


def test_days_without_calls_are_zero_rows(api, box, key_id):
    box.record_usage(key_id, at=MAY_22)

    rows = aggregate(api, key_id)

    quiet = [row for row in rows if not row["hits"]]
    assert sorted(row["id"]["day"] for row in quiet) == [20, 21, 23]
    assert {row["last_hit"] for row in quiet} == {"0001-01-01T00:00:00Z"}


def test_the_end_date_does_not_count(api, box, key_id):
    box.record_usage(key_id, at=MAY_22)

    assert aggregate(api, key_id, "20/05/2024/22/05/2024") is None
    assert busy(aggregate(api, key_id, "22/05/2024/23/05/2024")) == [(22, 200, 1, 0)]


def test_keys_are_summed(api, box, ada, gold, key_id):
    other = box.key_id(box.issue_key(ada, gold))
    box.record_usage(key_id, hits=3, at=MAY_22)
    box.record_usage(other, hits=4, at=MAY_22)

    assert busy(aggregate(api, f"{key_id},{other}")) == [(22, 200, 7, 0)]
    assert busy(aggregate(api, other)) == [(22, 200, 4, 0)]


def test_hours_and_months(api, box, key_id):
    box.record_usage(key_id, hits=1, at=MAY_22)
    box.record_usage(key_id, hits=2, at=MAY_22.replace(hour=15))

    hours = aggregate(api, key_id, query="&res=hour")
    months = aggregate(api, key_id, query="&res=month")

    assert sorted((r["id"]["hour"], r["hits"]) for r in hours) == [(12, 1), (15, 2)]
    assert [(r["id"]["month"], r["hits"]) for r in months] == [(5, 3)]


def test_an_api_filter_takes_an_api_or_a_policy(api, box, gold, key_id):
    box.record_usage(key_id, at=MAY_22)
    api_id = next(iter(box.policies()[0]["access_rights"]))

    assert aggregate(api, key_id, query=f"&api_id={api_id}") is not None
    assert aggregate(api, key_id, query=f"&api_id={gold}") is not None
    assert aggregate(api, key_id, query="&api_id=other") is None


def test_a_day_and_keys_that_do_not_exist(api, key_id):
    path = f"/api/activity/keys/aggregate/{key_id}/31/2/2024/1/3/2024"

    assert api.get(path).status_code == 400
    assert aggregate(api, "deadbeefdeadbeef") is None
    assert api.get("/api/activity/keys/aggregate//1/2/2024/1/3/2024").status_code == 404


def test_one_key_and_its_endpoints(api, box, key_id):
    box.record_usage(key_id, hits=5, at=MAY_22, path="/tides")
    dates = "20/5/2024/24/5/2024"

    rows = api.get(f"/api/activity/keys/{key_id}/{dates}?p=-1").json()["data"]
    paths = api.get(f"/api/activity/keys/endpoint/{key_id}/{dates}?p=-1").json()["data"]
    bad = api.get(f"/api/activity/keys/%25%25/{dates}")

    assert busy(rows) == [(22, 200, 5, 0)]
    assert paths[0]["id"]["path"] == "/tides"
    assert paths[0]["hits"] == 5
    assert (bad.status_code, bad.json()) == (400, error("Key could not be decoded."))


def test_totals_and_totals_by_api(api, box, key_id):
    box.record_usage(key_id, hits=5, at=MAY_22)
    dates = "20/5/2024/24/5/2024"

    total = api.get(f"/api/usage/{dates}?p=-1").json()["data"]
    by_api = api.get(f"/api/usage/apis/{dates}?by=Hits&sort=1&p=-1").json()["data"]
    client = api.get(f"/api/activity/oauthid/{'a' * 32}/{dates}?p=-1").json()

    assert busy(total) == [(22, 200, 5, 0)]
    assert [(r["id"]["api_name"], r["hits"]) for r in by_api] == [("Gold", 5)]
    assert client == {"data": None, "pages": 0}
