"""The doctor as a whole, and its command."""

import json

import pytest

from portal_site import trail
from portal_site.doctor import machine
from portal_site.models import Act, Look
from tests.keyrequests.scene import build
from tests.portal_site.desks import doctor_command as run
from tests.portal_site.ward import examined, worker, wrong
from tyk.sandbox import PROFILES

pytestmark = pytest.mark.django_db(transaction=True)


# --- All is well -----------------------------------------------------------------
@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"restricted", "chatty"}))
def test_nothing_is_wrong_with_a_healthy_portal(box, profile):
    box.switches = PROFILES[profile].changed(replica_lag=0)
    build(box)

    found = examined(scratch=True)

    # Not every Tyk keeps a password that a record is put back without.
    loses = {"passwords"} if PROFILES[profile].put_passwordless == "empty" else set()
    assert set(wrong(found)) == loses
    assert found["policies"].sentence == "Every live policy stands in an entry."
    assert found["clock"].sentence == "Our clock and the Dashboard's agree."
    assert "our marker survives" in found["markers"].sentence
    assert [one["email"] for one in box.developers()] == ["mira@tinfold.example"]


def test_without_scratch_it_only_reads(box):
    build(box)
    box.journal.clear()

    examined()

    assert {call.method for call in box.journal.calls()} == {"GET"}


# --- The command ---------------------------------------------------------------
def test_command_tells_what_is_wrong_and_exits_with_1(box):
    build(box)
    box.set_configuration(secure_key_approval=True)

    code, told = run()

    assert code == 1
    assert (
        "WRONG key mails     Tyk sends a link to a page with the key (secure key "
        "approval). No key can be claimed here.\n"
        "                    In the Dashboard, Portal Settings, switch the key mail "
        "and secure key approval off.\n"
    ) in told
    assert "ok    debug         DEBUG is off.\n" in told
    assert "-     next key      Not checked: TYK_API_KEY_NEXT is not set.\n" in told


def test_command_exits_with_0_when_all_is_well(box, monkeypatch):
    monkeypatch.setattr(machine, "PING_SECONDS", 1.0)
    build(box)
    with worker():
        code, told = run("--json")

    assert (code, [one for one in json.loads(told) if not one["ok"]]) == (0, [])


def test_no_secret_is_ever_told(box, settings):
    scene = build(box)
    raw = box.issue_key(scene.developer.tyk_id, scene.policy)
    settings.TYK_API_KEY_NEXT = "canary-of-the-next-key"
    box.faults.add("listDevelopers", mode="status", status=500, message=raw)

    _, told = run("--json", "--scratch")

    secrets = [raw, box.api_key, *settings.SEAL_KEYS, settings.SECRET_KEY, "canary"]
    assert [secret for secret in secrets if secret in told] == []


def test_what_the_command_found_stands_on_the_page(box):
    build(box)
    box.set_configuration(secure_key_approval=True)

    run("--scratch")

    row = Look.objects.get()
    told = {one["name"]: one["ok"] for one in row.results}
    assert (told["key mails"], told["markers"], told["key"]) == (False, True, True)
    assert (row.kind, row.completed_by, row.is_due) == ("doctor", "command line", False)
    act = Act.objects.get()
    assert (act.verb, act.actor) == ("examine", trail.COMMAND_LINE)
    assert act.note == "with a scratch developer"
