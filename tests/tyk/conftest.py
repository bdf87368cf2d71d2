"""An operator, and a small organisation in Tyk."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from developers.models import User
from tests.factories import StaffFactory
from tests.keyrequests import scene as scenes
from tests.keyrequests.scene import Scene


@pytest.fixture
def olga(organisation) -> User:
    """An operator who also decides requests; she may see none of them."""
    user: User = StaffFactory(name="Olga")
    user.user_permissions.set(
        Permission.objects.filter(
            codename__in=["view_outbox", "change_outbox", "change_keyrequest"],
        )
    )
    return user


@pytest.fixture
def desk_of(signed_in, olga) -> Client:
    client: Client = signed_in(olga)
    return client


@pytest.fixture
def scene(box) -> Scene:
    return scenes.build(box)
