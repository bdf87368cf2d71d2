"""A process killed in mid-claim or mid-password leaves no secret behind.

The process is a real one, killed by os._exit while the key or the password is in its
memory. Searched is what outlives it: the bytes of the database file and of its log,
the broker, and every line the process wrote; and all of it again once settled.
"""

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as portal
from django.db import connection

from tests.reliability.boundaries import DEAD_FOR_GOOD
from tests.reliability.mornings import mornings
from tests.reliability.visits import MIRA, NEW, OLD, VISITS, Browser, Visit
from tests.reliability.world import World
from tests.test_secrets import Haystack, broker, database
from tyk import pull

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the file"),
]
BY_NAME = {visit.name: visit for visit in VISITS}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("claim", "before approveKeyRequest"),
        ("claim", "after approveKeyRequest"),
        ("replace", "after approveKeyRequest"),
        ("log in", "before getDeveloper"),
        ("confirm", "after createDeveloper"),
        ("reset", "after resetDeveloperPassword"),
        ("change password", "after resetDeveloperPassword"),
    ],
)
def test_a_killed_process_leaves_no_secret(
    box, settings, valkey_client, tmp_path, name, place
):
    visit, log = BY_NAME[name], tmp_path / "log"
    with mornings(box, settings, only=visit.morning) as starts:
        world = starts[visit.morning].again()
        show_raw_keys_as_ids(world)
        browser = visit.come(world)
        assert killed(world, visit, browser, at=place, log=log) == DEAD_FOR_GOOD

        secrets = [OLD, NEW, box.api_key, *(key.id for key in world.keys_in_tyk())]
        left = everything(valkey_client, log)
        assert {place for one in secrets for place in left.found(one)} == set()
        # What was in its memory is in Tyk: the process died holding it.
        assert done_in_tyk(world, place)
        # The same search reads the files: it finds what is no secret.
        assert left.found(MIRA) != []
        assert left.found("dashboard call") == ["log"]

        world.boundaries.restart()
        world.come_to_rest()
        settled = everything(valkey_client, log)
        assert {place for one in secrets for place in settled.found(one)} == set()


def show_raw_keys_as_ids(world: World) -> None:
    """Hashing off: then we know which raw keys to search for, even of a lost one."""
    world.box.switch(hashing="off")
    world.box.set_configuration(HashKeys=False)
    pull.run("configuration")


def killed(world: World, visit: Visit, browser: Browser, *, at: str, log: Path) -> int:
    """Click in a process of its own, killed at that place; its exit code."""
    connection.close()
    with warnings.catch_warnings():
        # The sandbox's threads stay behind in the parent, as they should.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            click_until(world, visit, browser, at=at, log=log)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def click_until(
    world: World, visit: Visit, browser: Browser, *, at: str, log: Path
) -> None:
    handler, root = logging.FileHandler(log), logging.getLogger()
    handler.setFormatter(root.handlers[0].formatter)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    boundaries = world.boundaries
    boundaries.meanwhile = (at, lambda: os._exit(DEAD_FOR_GOOD))
    with boundaries.watched():
        visit.click(world, browser)


def everything(valkey_client: Any, log: Path) -> Haystack:
    """What a killed process leaves, as text by place."""
    name = str(connection.settings_dict["NAME"])
    files = {
        f"file {suffix or 'itself'}": Path(name + suffix).read_bytes().decode("latin-1")
        for suffix in ("", "-wal", "-shm")
        if Path(name + suffix).exists()
    }
    logged = log.read_text()
    places = {**files, "broker": broker(valkey_client), "log": logged}
    return Haystack({**database(), **places})


def done_in_tyk(world: World, place: str) -> bool:
    if place.startswith("before"):
        return world.keys_in_tyk() == []
    if "approve" in place:
        return world.keys_in_tyk() != []
    return any(world.box.password_is(d["email"], NEW) for d in world.box.developers())


def test_the_data_directory_holds_the_database_that_is_searched():
    assert Path(str(connection.settings_dict["NAME"])).is_relative_to(portal.DATA_DIR)
