"""The people tests speak of, as fixtures.

    alice    developer with a claimed key          bob     developer, nothing yet
    charlie  a stranger: developer who must not see what is alice's
    rita     reviewer: staff who may decide requests
    sam      staff who may not

`in_tyk(box, developer)` puts one of them into the sandbox too; `signed_in(user)`
is a client with their session.
"""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from developers.models import Developer, User
from developers.services import user_of
from keyrequests.models import Key
from tests import factories
from tyk.models import Organisation
from tyk.sandbox import Sandbox

DEVELOPER_BACKEND = "developers.backends.TykBackend"
STAFF_BACKEND = "developers.backends.StaffBackend"


@pytest.fixture
def organisation(db) -> Organisation:
    """What the portal knows of its organisation; the sandbox's own id."""
    return factories.OrganisationFactory()


@pytest.fixture
def alice(organisation) -> Developer:
    developer = factories.DeveloperFactory(
        name="Alice Arnold", email="alice@shop.example"
    )
    request = factories.KeyRequestFactory(developer=developer, granted=True)
    key = factories.KeyFactory(developer=developer, request=request, name="Shop window")
    factories.KeyPolicyFactory(key=key, plan=request.entry.plan)
    return developer


@pytest.fixture
def alices_key(alice: Developer) -> Key:
    return Key.objects.get(developer=alice)


@pytest.fixture
def bob(organisation) -> Developer:
    return factories.DeveloperFactory(name="Bob Brown", email="bob@shop.example")


@pytest.fixture
def charlie(organisation) -> Developer:
    return factories.DeveloperFactory(
        name="Charlie Clay", email="charlie@elsewhere.example"
    )


@pytest.fixture
def sam(db) -> User:
    return factories.StaffFactory(name="Sam", email="sam@northwind.example")


@pytest.fixture
def rita(db) -> User:
    user = factories.StaffFactory(name="Rita", email="rita@northwind.example")
    rights = Permission.objects.filter(
        content_type__app_label="keyrequests",
        codename__in=["change_keyrequest", "view_keyrequest"],
    )
    user.user_permissions.set(rights)
    return user


@pytest.fixture
def signed_in() -> Callable[[Developer | User], Client]:
    """A client with the session of a developer or of staff."""

    def sign_in(who: Developer | User) -> Client:
        client = Client()
        user = user_of(who) if isinstance(who, Developer) else who
        backend = STAFF_BACKEND if user.is_staff else DEVELOPER_BACKEND
        client.force_login(user, backend=backend)
        return client

    return sign_in


def in_tyk(
    box: Sandbox, developer: Developer, *, password: str = factories.PASSWORD
) -> Developer:
    """Put this developer into the sandbox; the row takes the sandbox's id."""
    assert developer.registered_at
    assert developer.password_updated
    developer.tyk_id = box.add_developer(
        developer.email,
        password=password,
        fields=dict(developer.fields),
        inactive=developer.inactive,
        date_created=developer.registered_at.isoformat(),
        password_updated=developer.password_updated.isoformat(),
    )
    developer.save(update_fields=["tyk_id"])
    return developer
