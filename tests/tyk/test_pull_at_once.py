"""Two processes pull the same kind at one moment: a slow one meets the next."""

import threading
from typing import Any

import pytest
from django.db import connection

from catalogue.models import Entry
from keyrequests.models import Key
from tests.keyrequests.scene import Scene, build
from tyk import pull
from tyk.models import PullState
from tyk.sandbox import Sandbox

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite", reason="its one write lock keeps them apart"
    ),
]


@pytest.fixture
def scene(box: Sandbox) -> Scene:
    return build(box)


class Meets:
    """Lets another process, whole, go before our first insert into `table`."""

    def __init__(self, kind: str, table: str) -> None:
        self.kind, self.start, self.met = kind, f"INSERT INTO {table} ", False

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        if not self.met and sql.replace('"', "").startswith(self.start):
            self.met = True
            other = threading.Thread(target=self._pull)
            other.start()
            other.join()
        return execute(sql, *rest)

    def _pull(self) -> None:
        try:
            pull.run(self.kind)
        finally:
            connection.close()


def test_both_list_the_same_new_key(box, scene):
    box.issue_key(scene.developer.tyk_id, scene.policy)
    meets = Meets("developers", Key._meta.db_table)

    with connection.execute_wrapper(meets):
        pulled = pull.run("developers")

    assert meets.met
    assert pulled.changed == 0  # the other one listed it
    assert Key.objects.count() == 1
    assert PullState.objects.get(kind="developers").last_error == ""


def test_both_find_the_same_new_entry(box, scene):
    box.add_entry("Ledger", scene.policy)
    meets = Meets("catalogue", Entry._meta.db_table)

    with connection.execute_wrapper(meets):
        pulled = pull.run("catalogue")

    assert meets.met
    assert pulled.changed == 0
    assert Entry.objects.filter(name="Ledger").count() == 1
    assert PullState.objects.get(kind="catalogue").last_error == ""
