"""The soak's checker notices what it must: each promise broken by hand, and none."""

from typing import Any

import pytest

from tests.soak import checker
from tests.soak.checker import Problem, Sides
from tests.soak.history import FAIL, OK, UNKNOWN, Act

MIRA = "mira@tinfold.example"
NOW = 1000.0


def act(what: str, outcome: str = OK, **about: Any) -> Act:
    given = {"who": MIRA, "began": NOW, "ended": NOW + 1, **about}
    return Act(what=what, outcome=outcome, **given)


def request(**changed: Any) -> dict[str, Any]:
    row = {"code": "r1", "developer": MIRA, "status": "granted", "origin": "portal"}
    return {**row, "tyk_id": "t1", "tyk_state": "approved", "decided_in": "staff"} | (
        changed
    )


def key(**changed: Any) -> dict[str, Any]:
    row = {"code": "k1", "developer": "d1", "request": "r1", "origin": "claimed"}
    return {**row, "state": "live", "id": "id1", **changed}


def mint(**changed: Any) -> dict[str, Any]:
    row = {"code": "m1", "request": "r1", "state": "shown", "key": "k1"}
    return {**row, **changed}


def in_tyk(key_id: str = "id1", **changed: Any) -> dict[str, Any]:
    return {
        "id": key_id,
        "developer": "d1",
        "marker": "portal.r1",
        "live": True,
        **changed,
    }


def person(*keys: str, **fields: str) -> dict[str, Any]:
    held = {"Phone": "none", "Company": "none", **fields}
    return {"id": "d1", "email": MIRA, "fields": held, "keys": list(keys)}


@pytest.fixture
def sides() -> Sides:
    """One request that was asked, approved, claimed; a key issued by hand beside it."""
    return Sides(
        history=[
            act("ask", request="r1"),
            act("claim", request="r1", key="k1", raw="raw1"),
            act("issue by hand", who="stranger", request="d1", raw="raw by hand"),
        ],
        truth={
            "keys": [in_tyk(), in_tyk("id by hand", marker="")],
            "requests": [{"id": "t1", "approved": True, "fields": {}}],
            "developers": [person("id1", "id by hand")],
        },
        tables={
            "instance": "portal",
            "requests": [request()],
            "mints": [mint()],
            "keys": [key(), key(code="k0", id="id by hand", origin="found")],
            "owed": [],
            "edits": [],
            "errors": [],
        },
        ids={"raw1": "id1", "raw by hand": "id by hand"},
        first_passwords={MIRA: "first"},
    )


def found(sides: Sides) -> list[Problem]:
    return checker.problems(sides)


def promises(sides: Sides) -> list[str]:
    return [problem.promise for problem in found(sides)]


def test_nothing_is_wrong(sides):
    assert found(sides) == []


# --- Requests ----------------------------------------------------------------------
def test_a_request_that_is_nowhere(sides):
    sides.history.append(act("ask", request="r2"))

    assert found(sides) == [Problem("lost", "request r2 is nowhere")]


@pytest.mark.parametrize("status", ["pending", "approved"])
def test_an_open_request_that_never_reached_tyk(sides, status):
    sides.history.append(act("ask", request="r2"))
    row = request(code="r2", status=status, tyk_id="", tyk_state="")
    sides.tables["requests"].append(row)

    assert found(sides) == [Problem("lost", "request r2 is not in Tyk")]


def test_an_open_request_that_waits_is_not_lost_until_the_end(sides):
    sides.history.append(act("ask", request="r2"))
    row = request(code="r2", status="pending", tyk_id="t2", tyk_state="pending")
    sides.tables["requests"].append(row)
    waiting = {"id": "t2", "approved": False, "fields": {"portal_ref": "portal.r2"}}
    sides.truth["requests"].append(waiting)

    assert found(sides) == []
    assert list(checker.unfinished_requests(sides)) == [
        Problem("lost", "request r2 stays pending")
    ]


def test_an_approved_request_whose_first_mint_failed_can_be_claimed_anew(sides):
    sides.history.append(act("ask", request="r2"))
    row = request(code="r2", status="approved", tyk_id="t2", tyk_state="gone")
    sides.tables["requests"].append(row)
    tried = mint(code="m2", request="r2", state="refused", key="")
    sides.tables["mints"].append(tried)

    assert found(sides) == []


def test_granted_without_a_key(sides):
    sides.history.append(act("ask", request="r2"))
    sides.tables["requests"].append(request(code="r2"))

    assert found(sides) == [Problem("lost", "request r2 is granted without a key")]


def test_a_request_nobody_sent(sides):
    row = request(code="r2", status="withdrawn")
    sides.tables["requests"].append(row)

    assert found(sides) == [
        Problem("doubled", f"1 requests of {MIRA} that nobody sent")
    ]


def test_a_form_whose_answer_was_lost_may_have_asked_once(sides):
    sides.history.append(act("ask", UNKNOWN))
    sides.tables["requests"].append(request(code="r2", status="withdrawn"))
    assert found(sides) == []

    sides.tables["requests"].append(request(code="r3", status="withdrawn"))
    assert promises(sides) == ["doubled"]


def test_a_refused_form_asks_nothing(sides):
    sides.history.append(act("ask", FAIL))
    sides.tables["requests"].append(request(code="r2", status="withdrawn"))

    assert promises(sides) == ["doubled"]


def test_one_request_twice_in_tyk(sides):
    waiting = {"approved": False, "fields": {"portal_ref": "portal.r1"}}
    sides.truth["requests"] += [{"id": "t2", **waiting}, {"id": "t3", **waiting}]

    assert found(sides) == [Problem("doubled", "2 requests in Tyk of portal.r1")]


# --- Keys --------------------------------------------------------------------------
def test_two_live_keys_of_one_request(sides):
    sides.truth["keys"].append(in_tyk("id2"))
    sides.truth["developers"][0]["keys"].append("id2")

    assert Problem("doubled", "2 live keys of request r1") in found(sides)


def test_a_key_of_a_later_mint_beside_the_first_one(sides):
    sides.tables["mints"].append(mint(code="m2", state="lost", key=""))
    sides.truth["keys"].append(in_tyk("id2", marker="portal.m2"))

    assert Problem("doubled", "2 live keys of request r1") in found(sides)


def test_a_live_key_that_no_mint_showed(sides):
    sides.tables["mints"][0]["state"] = "lost"

    assert Problem("doubled", "a live key of r1 is unseen") in found(sides)


def test_a_strangers_key_that_was_removed(sides):
    del sides.truth["keys"][1]
    sides.ids["raw by hand"] = ""

    assert promises(sides) == ["stranger"]


def test_a_strangers_key_that_does_not_work(sides):
    sides.truth["keys"][1]["live"] = False

    assert promises(sides) == ["stranger"]


def test_a_shown_key_that_is_not_there(sides):
    del sides.truth["keys"][0]
    sides.ids["raw1"] = ""
    sides.tables["keys"][0]["state"] = "gone"
    sides.truth["developers"][0]["keys"].remove("id1")

    assert found(sides) == [Problem("dead", "shown key k1 does not work")]


def test_a_shown_key_that_works_and_is_called_revoked(sides):
    sides.tables["keys"][0]["state"] = "revoked"

    assert Problem("dead", "shown key k1 works and is revoked here") in found(sides)


@pytest.mark.parametrize("outcome", [OK, UNKNOWN])
def test_a_shown_key_its_owner_gave_up_may_be_dead(sides, outcome):
    sides.history.append(act("revoke", outcome, key="k1"))
    del sides.truth["keys"][0]
    sides.ids["raw1"] = ""
    sides.tables["keys"][0]["state"] = "revoked"
    sides.truth["developers"][0]["keys"].remove("id1")

    assert found(sides) == []


def test_a_revocation_that_was_refused_ends_nothing(sides):
    sides.history.append(act("revoke", FAIL, key="k1"))
    sides.truth["keys"][0]["live"] = False

    assert promises(sides) == ["dead"]


@pytest.mark.parametrize(
    "ended", [{"what": "revoke", "key": "k1"}, {"what": "replace", "old": "k1"}]
)
def test_an_ended_key_that_works(sides, ended):
    sides.history.append(act(**ended))

    assert Problem("undead", "ended key k1 works (live)") in found(sides)


def test_a_key_shown_on_two_pages(sides):
    sides.history.append(act("claim", request="r1", key="k1", raw="raw1"))

    assert found(sides) == [Problem("doubled", "a key was shown on two pages")]


def test_keys_listed_here_and_there(sides):
    sides.truth["developers"][0]["keys"] = ["id1", "id3"]

    assert found(sides) == [Problem("mirror", "d1: 1 keys too many here, 1 too few")]


# --- At rest -----------------------------------------------------------------------
def owed(kind: str, parked: str = "") -> dict[str, str]:
    return {"kind": kind, "subject": "r1", "parked": parked, "said": "later"}


def test_what_is_owed_is_under_way(sides):
    sides.tables["owed"].append(owed("request.create"))

    assert found(sides) == [Problem("under way", "request.create r1: later")]


def test_what_is_parked_is_under_way_unless_only_a_person_can_know(sides):
    sides.tables["owed"].append(owed("developer.keys_lost", "keys vanished"))
    assert found(sides) == []

    sides.tables["owed"].append(owed("key.revoke", "refused"))
    assert found(sides) == [Problem("under way", "key.revoke r1: parked: refused")]


@pytest.mark.parametrize("state", ["sending", "unsure"])
def test_a_mint_that_is_not_settled(sides, state):
    sides.tables["mints"].append(mint(code="m2", state=state, key=""))

    assert found(sides) == [Problem("under way", f"mint m2 is {state}")]


# --- People ------------------------------------------------------------------------
def passwords(*resets: Act, right: str) -> list[str]:
    sides = Sides(
        history=list(resets),
        truth={},
        tables={},
        first_passwords={MIRA: "first"},
        right={(MIRA, word): word == right for word in ("first", "a", "b")},
    )
    return [problem.promise for problem in checker.wrong_passwords(sides)]


def reset(value: str, outcome: str = OK, at: float = 0.0) -> Act:
    return act("reset", outcome, value=value, began=NOW + at, ended=NOW + at + 1)


def test_the_password_last_told_is_the_one():
    assert passwords(reset("a"), reset("b", at=60), right="b") == []
    assert passwords(reset("a"), reset("b", at=60), right="a") == ["password"]
    assert passwords(reset("a"), right="first") == ["password"]


def test_a_lost_answer_leaves_both_passwords_possible():
    lost = reset("b", UNKNOWN, at=60)
    assert passwords(reset("a"), lost, right="b") == []
    assert passwords(reset("a"), lost, right="a") == []
    assert passwords(reset("a"), lost, right="first") == ["password"]
    assert passwords(lost, right="first") == []


def test_a_lost_write_overtakes_no_certain_one():
    assert passwords(reset("a", UNKNOWN), reset("b", at=3), right="a") == ["password"]


def edits(*acts: Act, phone: str, state: str = "done") -> list[str]:
    sides = Sides(
        history=list(acts),
        truth={"developers": [person(Phone=phone)]},
        tables={"edits": [{"developer": MIRA, "state": state, "after": {}}]},
    )
    return [problem.promise for problem in checker.lost_edits(sides)]


def test_the_last_wish_is_tyks():
    one, two = act("edit", value="1"), act("edit", value="2")
    assert edits(one, two, phone="2") == []
    assert edits(one, two, phone="1") == ["edit"]
    assert edits(one, act("edit", UNKNOWN, value="2"), phone="1") == []
    assert edits(act("edit", UNKNOWN, value="2"), phone="none") == []
    assert edits(one, phone="none") == ["edit"]


def test_a_wish_that_waits_for_its_owner_is_not_lost():
    assert edits(act("edit", value="1"), phone="another", state="conflict") == []


def test_edits_by_hand_that_were_undone_are_counted():
    by_hand = act("edit by hand", who="stranger", request="d1", value="Company 2")
    here = {"developers": [person(Company="Company 2")]}
    gone = {"developers": [person(Company="Company 1")]}

    assert checker.undone_by_hand(Sides([by_hand], here, {})) == 0
    assert checker.undone_by_hand(Sides([by_hand], gone, {})) == 1
