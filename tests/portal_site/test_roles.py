"""Roles by pages by verbs: who may open what in the staff area, and who may act there.

The pages come from the resolver: a new address without a row here fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone

from developers.models import User
from keyrequests.models import Event, Key
from portal_site.models import Act, DriftFinding
from portal_site.staff import ROLES, ensure_roles
from portal_site.staff_site import GROUPS
from tests.factories import (
    DocumentFactory,
    KeyPolicyFactory,
    KeyRequestFactory,
    MintFactory,
    OutboxFactory,
    PullStateFactory,
    StaffFactory,
    UsageDayFactory,
)
from tests.test_secrets import database
from tyk import seal
from tyk.models import Alarm

pytestmark = pytest.mark.django_db

#: Staff without a role, the three roles, and a superuser: no, v, r, o, s.
STAFF = {"n": "", "v": "Viewer", "r": "Reviewer", "o": "Operator", "s": ""}
EVERYBODY, READERS, DECIDERS, OPERATORS, CHIEF = "nvros", "vros", "rs", "os", "s"
NOBODY = ""
#: Django's own pages around a list: not for the portal's rows.
AROUND = ("add", "delete")


@dataclass(frozen=True)
class Row:
    """`see`: whose GET is answered. `act`: whose POST is more than refused."""

    see: str
    act: str = NOBODY
    arguments: str = ""  # the fixture row, by name


def lists(app: str, model: str, see: str, act: str = NOBODY) -> dict[str, Row]:
    """List, page and history of one table that staff only read."""
    name = f"{app}_{model}"
    return {
        f"{name}_changelist": Row(see, see),  # a POST of a list is a search
        f"{name}_change": Row(see, act, model),
        f"{name}_history": Row(see, see, model),
        **{f"{name}_{page}": Row(NOBODY, NOBODY, model) for page in AROUND},
    }


PAGES = {
    "index": Row(EVERYBODY, EVERYBODY),
    "app_list": Row(READERS, READERS, "app"),
    "password_change": Row(EVERYBODY, EVERYBODY),
    "password_change_done": Row(EVERYBODY),
    "jsi18n": Row(EVERYBODY),
    # Only for fields that ask for it, and no table has one.
    "autocomplete": Row(NOBODY, NOBODY),
    **lists("keyrequests", "keyrequest", READERS),
    **{
        f"keyrequests_keyrequest_{verb}": Row(DECIDERS, DECIDERS, "keyrequest")
        for verb in ("approve", "decline")
    },
    **lists("keyrequests", "key", READERS),
    **{
        f"keyrequests_key_{act}": Row(OPERATORS, OPERATORS, "key")
        for act in ("revoke", "plans", "quota")
    },
    **lists("keyrequests", "mint", READERS),
    **lists("keyrequests", "event", READERS),
    **lists("developers", "developer", READERS),
    **{
        f"developers_developer_{act}": Row(OPERATORS, OPERATORS, "developer")
        for act in ("activate", "deactivate", "password-link", "end-sessions", "edit")
    },
    "developers_developer_new-key": Row(DECIDERS, DECIDERS, "developer"),
    **lists("catalogue", "entry", READERS),
    "catalogue_entry_documents": Row(READERS, OPERATORS, "entry"),
    "catalogue_entry_download": Row(READERS, READERS, "source"),
    "catalogue_entry_preview": Row(READERS, READERS, "entry"),
    **lists("catalogue", "plan", READERS),
    # A list of uploads; each is looked at on its entry's page.
    **lists("catalogue", "document", NOBODY),
    "catalogue_document_changelist": Row(READERS, READERS),
    **lists("tyk", "outbox", OPERATORS),
    **{
        f"tyk_outbox_{act}": Row(OPERATORS, OPERATORS, "outbox")
        for act in ("try-again", "look", "abandon")
    },
    **lists("tyk", "pullstate", OPERATORS),
    "tyk_pullstate_ask": Row(OPERATORS, OPERATORS, "pullstate"),
    **lists("tyk", "alarm", OPERATORS),
    **lists("tyk", "organisation", OPERATORS),
    "portal_site_driftfinding_changelist": Row(OPERATORS, OPERATORS),
    "portal_site_driftfinding_compare": Row(NOBODY, OPERATORS),
    "portal_site_driftfinding_decide": Row(OPERATORS, OPERATORS, "drift"),
    "portal_site_doctor_changelist": Row(OPERATORS, OPERATORS),
    "portal_site_doctor_examine": Row(NOBODY, OPERATORS),
    **lists("portal_site", "act", OPERATORS),
    "portal_site_brandversion_changelist": Row(OPERATORS, OPERATORS),
    "portal_site_brandversion_edit": Row(OPERATORS, OPERATORS),
    # Of a brand with a logo, and of a draft: there is neither.
    "portal_site_brandversion_sample": Row(NOBODY),
    "portal_site_brandversion_logo": Row(NOBODY, NOBODY, "brand"),
    "portal_site_brandversion_change": Row(OPERATORS, NOBODY, "brand"),
    "portal_site_brandversion_mail": Row(OPERATORS, NOBODY, "brand"),
    **{
        f"portal_site_brandversion_{act}": Row(NOBODY, OPERATORS, arguments)
        for act, arguments in (
            ("stop", ""), ("discard", ""), ("preview", "brand"), ("publish", "brand"),
        )
    },
    **{
        f"auth_group_{page}": Row(CHIEF, CHIEF, "" if page in ("changelist", "add") else "group")
        for page in ("changelist", "add", "change", "history", "delete")
    },
    **{
        f"developers_user_{page}": Row(CHIEF, CHIEF, "" if page in ("changelist", "add") else "user")
        for page in ("changelist", "add", "change", "history", "delete")
    },
    "auth_user_password_change": Row(CHIEF, CHIEF, "user"),
}  # fmt: skip
#: Not pages of ours: the door, and what leads nowhere.
DOORS = {"login", "logout", "view_on_site", None}


def named(patterns: list[URLPattern | URLResolver]) -> Iterator[str | None]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from named(one.url_patterns)
        else:
            yield one.name


def test_every_address_of_the_staff_area_has_a_row():
    assert set(named(admin.site.urls[0])) - DOORS == set(PAGES)


def test_every_list_has_its_place_in_the_navigation():
    tables = {f"{m._meta.app_label}.{m._meta.model_name}" for m in admin.site._registry}
    placed = {name for names in GROUPS.values() for name in names}

    assert tables - placed == set()
    assert placed - tables == set()


# --- The world ----------------------------------------------------------------------
@dataclass
class World:
    """A row of everything, and what may never be on a page."""

    arguments: dict[str, list[object]]
    raw: str
    key: Key


@pytest.fixture
def world(alice, alices_key) -> World:
    raw = "eyJvcmciOiI1ZTlkOTU0NGExZGNkNjAwMDFkMGVkMjAiLCJpZCI6"
    Key.objects.filter(pk=alices_key.pk).update(
        sealed_id=seal.seal(raw, aad=str(alices_key.code))
    )
    now = timezone.now()
    case = KeyRequestFactory(developer=alice)
    KeyPolicyFactory(key=alices_key, plan=None, policy_id="5f00000000000000deadbeef")
    UsageDayFactory(key=alices_key)
    mint = MintFactory(request=case, key=alices_key, state="shown", tyk_request_id="5f")
    event = Event.objects.create(request=case, key=alices_key, verb="sent", at=now)
    alarm = Alarm.objects.create(cause="parked", subject="key.revoke", raised_at=now)
    act = Act.objects.create(verb="ignore", actor="Olga", at=now)
    outbox = OutboxFactory(
        kind="key.revoke", subject=str(alices_key.code), parked_reason="refused"
    )
    drift = DriftFinding.objects.create(
        kind="plan", record=case.entry.plan.oid, field="rate", here="1", there="2", run=1, found_at=now,
    )  # fmt: skip
    one = {
        "keyrequest": case, "key": alices_key, "mint": mint, "event": event,
        "developer": alice, "entry": case.entry, "plan": case.entry.plan,
        "document": DocumentFactory(entry=case.entry), "outbox": outbox,
        "alarm": alarm, "act": act, "user": StaffFactory(),
        "group": Group.objects.create(name="Others"),
    }  # fmt: skip
    arguments = {name: [row.pk] for name, row in one.items()}
    PullStateFactory(kind="catalogue")
    arguments |= {
        "app": ["keyrequests"], "pullstate": ["catalogue"], "organisation": [1],
        "drift": [drift.pk, "take"], "brand": [0], "source": [case.entry.pk, "tyk"],
        "": [],
    }  # fmt: skip
    return World(arguments, raw, alices_key)


@pytest.fixture
def team(signed_in) -> dict[str, Client]:
    """One client for each letter of STAFF."""
    ensure_roles()
    found = {}
    for letter, role in STAFF.items():
        person: User = StaffFactory(is_superuser=letter == "s")
        person.groups.set(Group.objects.filter(name=role))
        found[letter] = signed_in(person)
    return found


def address(name: str, world: World) -> str:
    row = PAGES[name]
    arguments = world.arguments[row.arguments]
    if name.endswith("_add"):
        arguments = []
    if name == "app_list":
        return reverse("admin:app_list", kwargs={"app_label": arguments[0]})
    return reverse(f"admin:{name}", args=arguments)


# --- The matrix -----------------------------------------------------------------------
def test_pages_open_for_these_roles_alone(world, team):
    wrong = {}
    for name in sorted(PAGES):
        told = {
            letter: client.get(address(name, world)).status_code
            for letter, client in team.items()
        }
        seen = {letter for letter, status in told.items() if status in {200, 302}}
        known = set(told.values()) <= {200, 302, 403, 404, 405}
        if seen != set(PAGES[name].see) or not known:
            wrong[name] = told

    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())


# Who left their sessions, what was looked at, and that somebody was refused.
_NOTED = ("session", "keyrequests_event", "django_admin_log", "developers_user")
FORM = {"reason": "x", "confirmed": "yes", "post": "yes"}


def held() -> dict[str, str]:
    """Everything in the database that a refused act may not change."""
    return {
        table: rows
        for table, rows in database().items()
        if not any(word in table for word in _NOTED)
    }


def test_acts_are_refused_to_all_others_and_change_nothing(world, team):
    before, wrong = held(), {}
    for name in sorted(PAGES):
        told = {
            letter: team[letter].post(address(name, world), FORM).status_code
            for letter in STAFF
            if letter not in PAGES[name].act
        }
        if not set(told.values()) <= {403, 404, 405}:
            wrong[name] = told

    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())
    assert held() == before


def test_acts_are_open_to_their_roles(world, team):
    wrong = {}
    for name in sorted(n for n in PAGES if PAGES[n].act):
        with transaction.atomic():
            told = {
                letter: team[letter].post(address(name, world), FORM).status_code
                for letter in PAGES[name].act
            }
            transaction.set_rollback(True)
        if not set(told.values()) <= {200, 302, 400, 404}:
            wrong[name] = told

    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())


# --- Keys are for their owners ----------------------------------------------------------
@pytest.mark.parametrize("letter", ["v", "r", "o", "s"])
def test_no_page_of_the_staff_area_holds_a_key(letter, world, team):
    sealed = bytes(Key.objects.get(pk=world.key.pk).sealed_id or b"")
    secrets = {world.raw, world.key.fp or "", sealed.hex()}
    read = 0
    for name in sorted(PAGES):
        answer = team[letter].get(address(name, world), follow=True)
        if answer.status_code != 200:
            continue
        page = b"".join(answer.streaming_content).decode() if answer.streaming else (
            answer.content.decode(errors="replace")
        )  # fmt: skip
        read += 1
        assert [s for s in secrets if s in page] == [], name
    assert read > 25


# --- The roles themselves ------------------------------------------------------------------
def test_roles_are_made_once_and_then_the_companys_own(db):
    assert ensure_roles() == list(ROLES)
    group = Group.objects.get(name="Reviewer")
    assert group.permissions.filter(codename="change_keyrequest").exists()
    group.permissions.clear()

    assert ensure_roles() == []

    assert group.permissions.count() == 0
    assert {g.name for g in Group.objects.all()} == set(ROLES)


def test_who_has_no_role_is_told_how_to_get_one(team):
    page = team["n"].get("/admin/").content.decode()

    assert "Ask a colleague for a role: viewer, reviewer or operator." in page
