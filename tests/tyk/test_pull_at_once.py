"""Two processes pull the same kind at one moment: a slow one meets the next."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model

from catalogue.models import Entry
from keyrequests.models import Key
from tests.keyrequests.scene import Scene, build
from tyk import bulk, pull
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
    """Lets another process, whole, go before our first insert into a table."""

    def __init__(self, kind: str) -> None:
        self.kind, self.met = kind, False

    def before(self, inserting: bool, insert: Callable[..., Any], *args: Any) -> Any:
        if inserting and not self.met:
            self.met = True
            other = threading.Thread(target=self._pull)
            other.start()
            other.join()
        return insert(*args)

    def _pull(self) -> None:
        try:
            pull.run(self.kind)
        finally:
            connection.close()


def test_both_list_the_same_new_key(box, scene, monkeypatch):
    box.issue_key(scene.developer.tyk_id, scene.policy)
    meets, insert = Meets("developers"), bulk.insert

    def inserted(model: type[Model], *rest: Any, **more: Any) -> None:
        meets.before(model is Key, partial(insert, **more), model, *rest)

    monkeypatch.setattr(bulk, "insert", inserted)
    pulled = pull.run("developers")

    assert meets.met
    assert pulled.changed == 0  # the other one listed it
    assert Key.objects.count() == 1
    assert PullState.objects.get(kind="developers").last_error == ""


def test_both_find_the_same_new_entry(box, scene):
    box.add_entry("Ledger", scene.policy)
    meets, start = Meets("catalogue"), f"INSERT INTO {Entry._meta.db_table} "

    def executed(execute: Any, sql: str, *rest: Any) -> Any:
        inserting = sql.replace('"', "").startswith(start)
        return meets.before(inserting, execute, sql, *rest)

    with connection.execute_wrapper(executed):
        pulled = pull.run("catalogue")

    assert meets.met
    assert pulled.changed == 0
    assert Entry.objects.filter(name="Ledger").count() == 1
    assert PullState.objects.get(kind="catalogue").last_error == ""
