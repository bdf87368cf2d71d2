"""The house of the long run: whom it takes for ended."""

import queue
from pathlib import Path
from typing import Any

import pytest

from tests.soak.house import House


class Nursery:
    """Gives the same id to whoever is born, as a system does after a while."""

    def __init__(self, *ends: int) -> None:
        self.heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self._ends = iter(ends)

    def ask(self, **_order: Any) -> dict[str, Any]:
        self.heard.put({"ended": 7, "status": next(self._ends)})
        return {"pid": 7}


def house(folder: Path, nursery: Nursery) -> House:
    (folder / "logs").mkdir()
    for number in range(3):
        (folder / "logs" / f"chore-{number}-sweep.log").write_text("it broke")
    nobody: Any = None
    asked: Any = nursery
    return House(folder, database=nobody, broker=nobody, box=nobody, nursery=asked)


def test_a_chore_that_is_given_the_id_of_a_dead_one_is_waited_for(tmp_path):
    one = house(tmp_path, Nursery(0))
    one.chores[7] = -9

    one.chore("sweep", seconds=1)

    assert one.chores == {7: 0}


def test_a_chore_that_failed_is_told_with_its_log(tmp_path):
    one = house(tmp_path, Nursery(0, 1))
    one.chore("sweep", seconds=1)

    with pytest.raises(RuntimeError, match="sweep: it broke"):
        one.chore("sweep", seconds=1)
