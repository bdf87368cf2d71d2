"""Who looks after the staff never becomes more than they are."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client

from developers.models import User
from tests.developers.steps import OTHER_PASSWORD
from tests.factories import STAFF_PASSWORD, DeveloperFactory, StaffFactory

pytestmark = pytest.mark.django_db

STAFF, GROUPS = "/admin/developers/user/", "/admin/auth/group/"
NEW_PASSWORD = {
    "usable_password": "true",
    "set-password": "1",
    "password1": OTHER_PASSWORD,
    "password2": OTHER_PASSWORD,
}


def rights(*names: str) -> list[Permission]:
    """Permissions by "app.codename"; LookupError if one is not there."""
    known = {
        f"{one.content_type.app_label}.{one.codename}": one
        for one in Permission.objects.select_related("content_type")
    }
    return [known[name] for name in names]


@pytest.fixture
def root(db) -> User:
    return StaffFactory(name="Root", email="root@northwind.example", is_superuser=True)


@pytest.fixture
def sam(sam: User) -> User:
    """Looks after the staff, and is no superuser."""
    sam.user_permissions.set(
        rights(
            *(f"developers.{verb}_user" for verb in ("view", "change", "delete")),
            *(f"auth.{verb}_group" for verb in ("view", "add", "change", "delete")),
        )
    )
    return sam


@pytest.fixture
def browser(sam, signed_in) -> Client:
    client: Client = signed_in(sam)
    return client


def held() -> list[object]:
    """All that a refused act may not change: people, groups, and who has which."""
    return [
        list(User.objects.order_by("pk").values()),
        list(User.groups.through.objects.order_by("pk").values()),
        list(User.user_permissions.through.objects.order_by("pk").values()),
        list(Group.objects.order_by("pk").values()),
        list(Group.permissions.through.objects.order_by("pk").values()),
        LogEntry.objects.count(),
    ]


def takeovers(person: User) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each way to become `person` or to be rid of them: address and form."""
    page = f"{STAFF}{person.pk}/"
    same = {"email": person.email, "name": person.name}
    return {
        "password": (f"{page}password/", NEW_PASSWORD),
        "no password": (f"{page}password/", {"usable_password": "false", "unset-password": "1"}),
        "address": (
            f"{page}change/",
            {**same, "email": "sam2@northwind.example", "is_active": "on"},
        ),
        "switched off": (f"{page}change/", same),
        "deleted": (f"{page}delete/", {"post": "yes"}),
        "deleted with others": (
            STAFF,
            {"action": "delete_selected", "_selected_action": [person.pk], "post": "yes"},
        ),
    }  # fmt: skip


WAYS = ["password", "no password", "address", "switched off", "deleted",
        "deleted with others"]  # fmt: skip


@pytest.mark.parametrize("_case", WAYS)
def test_nobody_but_a_superuser_touches_a_superuser(_case, root, browser):
    path, typed = takeovers(root)[_case]
    before = held()

    assert browser.post(path, typed).status_code == 403

    assert held() == before
    assert User.objects.get(pk=root.pk).check_password(STAFF_PASSWORD)


@pytest.mark.parametrize("_case", WAYS)
def test_superusers_touch_each_other(_case, root, signed_in):
    other = StaffFactory(name="Other", is_superuser=True)
    path, typed = takeovers(other)[_case]
    before = User.objects.filter(pk=other.pk).values().first()

    assert signed_in(root).post(path, typed).status_code == 302

    assert User.objects.filter(pk=other.pk).values().first() != before


def test_one_superuser_among_others_saves_them_all(root, browser):
    other = StaffFactory()
    before = held()

    chosen = [other.pk, root.pk]
    page = browser.post(
        STAFF, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    )

    assert page.status_code == 403
    assert held() == before


def test_a_superuser_switched_off_is_one_still(root, browser):
    User.objects.filter(pk=root.pk).update(is_active=False)
    before = held()

    typed = {"email": root.email, "name": root.name, "is_active": "on"}
    for path, form in (("change", typed), ("password", NEW_PASSWORD)):
        assert browser.post(f"{STAFF}{root.pk}/{path}/", form).status_code == 403

    assert held() == before


def test_a_superusers_page_is_read_only_and_holds_no_password(root, browser):
    page = browser.get(f"{STAFF}{root.pk}/change/")

    assert page.status_code == 200
    assert page.context["has_change_permission"] is False
    assert root.password not in page.content.decode()


# --- Colleagues ------------------------------------------------------------------------
HOLDERS = ["own", "of a group", "switched off"]


def colleague(case: str) -> User:
    """Somebody who may decide requests, which Sam may not."""
    more = rights("keyrequests.change_keyrequest")
    person: User = StaffFactory(is_active=case != "switched off")
    if case == "of a group":
        group = Group.objects.create(name="Reviewers")
        group.permissions.set(more)
        person.groups.add(group)
    else:
        person.user_permissions.set(more)
    return person


@pytest.mark.parametrize("_case", HOLDERS)
@pytest.mark.parametrize("_way", WAYS)
def test_who_holds_more_is_not_touched(_way, _case, browser):
    path, typed = takeovers(colleague(_case))[_way]
    before = held()

    assert browser.post(path, typed).status_code == 403

    assert held() == before


def test_who_holds_no_more_gets_a_new_password(browser):
    person = StaffFactory()
    person.user_permissions.set(rights("developers.view_user"))

    done = browser.post(f"{STAFF}{person.pk}/password/", NEW_PASSWORD)

    assert done.status_code == 302
    person.refresh_from_db()
    assert person.check_password(OTHER_PASSWORD)


def test_who_holds_no_more_is_switched_off_and_deleted(browser):
    first, second = StaffFactory(), StaffFactory()

    off = browser.post(*takeovers(first)["switched off"])
    gone = browser.post(*takeovers(second)["deleted with others"])

    assert (off.status_code, gone.status_code) == (302, 302)
    left = User.objects.filter(pk__in=[first.pk, second.pk])
    assert [(row.pk, row.is_active) for row in left] == [(first.pk, False)]


@pytest.mark.parametrize("_way", ["deleted", "deleted with others"])
def test_who_was_here_is_not_deleted_with_what_they_did(_way, root, signed_in):
    alice = DeveloperFactory()
    person = StaffFactory(name="Olga", is_superuser=True)
    path = f"/admin/developers/developer/{alice.pk}/deactivate/"
    assert signed_in(person).post(path, {"reason": "Left"}).status_code == 302
    path, typed = takeovers(person)[_way]
    browser = signed_in(root)
    before = held()

    assert browser.post(path, typed).status_code == 403

    assert held() == before
    assert LogEntry.objects.filter(user=person).exists()


@pytest.mark.parametrize("_case", ["added", "changed"])
def test_nobody_is_kept_without_an_address(_case, root, signed_in):
    typed = {"email": " ", "name": "Ghost", "is_active": "on", **NEW_PASSWORD}
    path = f"{STAFF}add/" if _case == "added" else f"{STAFF}{root.pk}/change/"
    browser = signed_in(root)
    before = held()

    page = browser.post(path, typed)

    assert page.status_code == 200
    assert "Fill in the address: nobody logs in without one" in page.text
    assert held() == before


# --- Groups ----------------------------------------------------------------------------
def test_groups_are_made_by_superusers(sam, browser):
    group = Group.objects.create(name="Ours")
    sam.groups.add(group)
    everything = list(Permission.objects.values_list("pk", flat=True))
    more = {"name": "Ours", "permissions": everything}
    chosen = {"_selected_action": [group.pk], "post": "yes"}
    before = held()

    told = [
        browser.post(path, form).status_code
        for path, form in (
            (f"{GROUPS}{group.pk}/change/", more),
            (f"{GROUPS}add/", {**more, "name": "Mine"}),
            (f"{GROUPS}{group.pk}/delete/", {"post": "yes"}),
        )
    ]
    several = browser.post(GROUPS, {"action": "delete_selected", **chosen})

    assert told == [403, 403, 403]
    assert several.status_code == 200  # the list again: it has no such action
    assert held() == before


def test_groups_can_be_looked_at(browser):
    group = Group.objects.create(name="Ours")

    page = browser.get(f"{GROUPS}{group.pk}/change/")

    assert page.status_code == 200
    assert page.context["has_change_permission"] is False


def test_a_superuser_gives_rights_by_a_group(root, signed_in):
    group = Group.objects.create(name="Ours")
    (one,) = rights("developers.view_user")

    done = signed_in(root).post(
        f"{GROUPS}{group.pk}/change/", {"name": "Ours", "permissions": [one.pk]}
    )

    assert done.status_code == 302
    assert list(group.permissions.all()) == [one]
