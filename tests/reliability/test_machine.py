"""Any order of deeds, faults, deaths and delays: a Hypothesis state machine.

Each example starts from one of three mornings, does what Hypothesis thinks of, checks
the promises of every moment after each step, and at the end lets all become quiet and
checks the promises of rest. Bounded here; `make soak` runs it for long.
"""

import contextlib
import os
from collections import Counter
from typing import ClassVar, TypeVar

import pytest
from celery import current_app
from django.db import connection
from hypothesis import HealthCheck, settings as profile, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from keyrequests.models import Key, KeyRequest, Mint
from tests.reliability.account_rules import MIRA, AccountRules
from tests.reliability.accounts import PASSWORDS, Accounts
from tests.reliability.mornings import Start, mornings
from tests.reliability.promises import check_always, check_at_rest
from tests.reliability.troubles import Trouble, troubles
from tests.reliability.world import SWEPT, World
from tyk.models import Outbox
from tyk.tasks import drain_outbox

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
]
SOAK = os.environ.get("SOAK") == "1"
BOUNDED = profile(
    max_examples=32,
    stateful_step_count=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
LONG = profile(
    BOUNDED,
    max_examples=int(os.environ.get("SOAK_EXAMPLES", "3000")),
    stateful_step_count=40,
    derandomize=False,
    print_blob=True,
)

T = TypeVar("T")
Status = KeyRequest.Status
which = st.integers(0, 3)

#: A run in which one of these never happened would prove little.
EXPECTED = [
    "died",
    "a late write landed",
    "somebody was quicker",
    "keys shown",
    "keys by hand",
    "mint shown",
    "mint lost",
    "mint refused",
    "key claimed live",
    "key claimed revoked",
    "key found live",
    "request granted",
]
EXPECTED_OF_ACCOUNTS = [
    "died",
    "a late write landed",
    "account made",
    "logged in",
    "password done",
    "password refused",
    "password unknown",
    "address changed",
    "profile edited",
    "edited there",
    "a message lost",
    "a message comes twice",
]


class Around(RuleBasedStateMachine):
    """What surrounds every course: a morning, workers, time, and an end."""

    starts: ClassVar[dict[str, Start]]
    happened: ClassVar[Counter[str]]
    world: World
    accounts: Accounts

    @initialize(
        morning=st.sampled_from(["claimed", "approved", "empty"]),
        answer=st.sampled_from(["id", "text"]),
        again=st.sampled_from(["refuse", "mint"]),
    )
    def morning(self, morning: str, answer: str, again: str) -> None:
        self.world = self.starts[morning].again()
        self.world.box.switch(create_request_answer=answer, approve_again=again)
        self.accounts = Accounts(self.world)
        # Somebody is signed in elsewhere from the start: by chance it is too rare.
        self.accounts.log_in(MIRA, PASSWORDS[0], may_look_wrong=False)

    # --- Machinery and bad luck ----------------------------------------------------------

    @precondition(lambda self: self._something_is_due())
    @rule(
        rows=st.sampled_from([1, 20]),
        trouble=troubles(
            "createKeyRequest",
            "deleteKeyRequest",
            "revokeDeveloperKey",
            "getKeyRequest",
            "listKeyRequests",
            "getDeveloper",
            "getKey",
        ),
    )
    def work(self, rows: int, trouble: Trouble) -> None:
        """The doorbell rings, again, or late: all the same to a worker."""
        with trouble.during(self.world):
            self.world.work(rows=rows)

    @rule(
        kind=st.sampled_from([*SWEPT, "pending"]),
        trouble=troubles("listDevelopers", "listKeyRequests", "getKeyRequest"),
    )
    def pull(self, kind: str, trouble: Trouble) -> None:
        with trouble.during(self.world):
            self.world.pull(kind)

    @rule(seconds=st.sampled_from([20, 100, 400]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(fate=st.sampled_from(["lost", "comes once", "comes twice"]))
    def messages(self, fate: str) -> None:
        """What Celery does with the doorbells that were rung since."""
        times = ["lost", "comes once", "comes twice"].index(fate)
        if rung():
            for _again in range(times):
                self.world.living(drain_outbox)
            self.world.happened[f"a message {fate}"] += 1

    @precondition(lambda self: bool(self.world.boundaries.late))
    @rule()
    def late_writes_land(self) -> None:
        self.world.land()

    # --- Promises ----------------------------------------------------------------------

    @invariant()
    def always(self) -> None:
        if hasattr(self, "world"):
            check_always(self.world)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.come_to_rest()
            check_at_rest(self.world)
            self.accounts.check_at_rest()
            self.happened.update(what_happened(self.world))

    # --- Choices -----------------------------------------------------------------------

    def _has(self, **having: object) -> bool:
        return KeyRequest.objects.filter(**having).exists()

    def _has_key(self, **having: object) -> bool:
        return Key.objects.filter(state=Key.State.LIVE, **having).exists()

    def _something_is_due(self) -> bool:
        return Outbox.objects.filter(parked_reason="").exists()

    def _requests(self, n: int, **having: object) -> list[KeyRequest]:
        rows = KeyRequest.objects.filter(**having).order_by("-pk")
        return self._nth(n, list(rows))

    def _keys(self, n: int, **having: object) -> list[Key]:
        rows = Key.objects.filter(state=Key.State.LIVE, **having).order_by("-pk")
        return self._nth(n, list(rows))

    def _nth(self, n: int, rows: list[T]) -> list[T]:
        return [rows[n % len(rows)]] if rows else []


class Portal(Around, AccountRules):
    """People, workers, Tyk and bad luck."""

    # --- People ----------------------------------------------------------------------

    @rule(entry=st.sampled_from(["entry", "automatic"]), trouble=troubles())
    def ask(self, entry: str, trouble: Trouble) -> None:
        with trouble.during(self.world):
            self.world.ask(entry)

    @precondition(lambda self: self._has(status=Status.PENDING))
    @rule(
        verdict=st.sampled_from(["approve", "approve", "decline", "withdraw"]),
        n=which,
        trouble=troubles(),
    )
    def decide(self, verdict: str, n: int, trouble: Trouble) -> None:
        [request] = self._requests(n, status=Status.PENDING)
        with trouble.during(self.world):
            getattr(self.world, verdict)(request)

    @precondition(lambda self: self._has(status__in=[Status.APPROVED, Status.GRANTED]))
    @rule(
        n=which,
        trouble=troubles("approveKeyRequest", "getDeveloper", "createKeyRequest"),
    )
    def claim(self, n: int, trouble: Trouble) -> None:
        [request] = self._requests(n, status__in=[Status.APPROVED, Status.GRANTED])
        with trouble.during(self.world):
            self.world.claim(request)

    @precondition(lambda self: self._has_key(origin=Key.Origin.CLAIMED))
    @rule(
        n=which,
        overlap=st.sampled_from([0, 0, 300]),
        trouble=troubles("approveKeyRequest", "createKeyRequest", "getDeveloper"),
    )
    def replace(self, n: int, overlap: float, trouble: Trouble) -> None:
        [key] = self._keys(n, origin=Key.Origin.CLAIMED)
        with trouble.during(self.world):
            self.world.replace(key, overlap=overlap)

    @precondition(lambda self: self._has_key())
    @rule(n=which, trouble=troubles())
    def revoke(self, n: int, trouble: Trouble) -> None:
        [key] = self._keys(n)
        with trouble.during(self.world):
            self.world.revoke(key)

    @rule(
        n=which,
        trouble=troubles("approveKeyRequest", "getDeveloper", always=True)
        | st.just(Trouble("403", "approveKeyRequest")),
    )
    def ask_and_claim(self, n: int, trouble: Trouble) -> None:
        """The likely course, up to a claim in trouble. By chance it is too rare."""
        self.world.ask(["entry", "automatic"][n % 2])
        self.world.work(rows=20)
        for request in self._requests(n, status=Status.PENDING):
            self.world.approve(request)
        for request in self._requests(n, status=Status.APPROVED):
            with trouble.during(self.world):
                self.world.claim(request)

    # --- People at the Dashboard -------------------------------------------------------

    @rule(n=which, deed=st.sampled_from(["issue", "approve", "decline", "delete"]))
    def at_the_dashboard(self, n: int, deed: str) -> None:
        waiting = [r["id"] for r in self.world.box.requests() if not r["approved"]]
        if deed == "issue":
            self.world.issue_by_hand()
        elif deed == "delete":
            for key_id in self._nth(n, self.world.deletable()):
                self.world.delete_by_hand(key_id)
        elif deed == "approve":
            for tyk_id in self._nth(n, waiting):
                self.world.approve_by_hand(tyk_id)
        else:
            for tyk_id in self._nth(n, waiting):
                self.world.decline_by_hand(tyk_id)


class Account(Around, AccountRules):
    """The same without access: so that accounts get far in a few steps."""


def rung() -> int:
    """How many doorbells wait in the broker; it has them no longer."""
    found = 0
    with current_app.connection_for_read() as wire:
        queue = wire.SimpleQueue(current_app.conf.task_default_queue)
        with contextlib.suppress(queue.Empty):
            while True:
                message = queue.get_nowait()
                message.ack()
                assert message.headers["task"] == drain_outbox.name
                found += 1
        queue.close()
    return found


def what_happened(world: World) -> Counter[str]:
    """How often the course came where it hurts."""
    return world.happened + Counter(
        {
            "keys shown": len(world.shown),
            "keys by hand": len(world.by_hand),
            **{f"mint {m.state}": 1 for m in Mint.objects.all()},
            **{f"request {r.status}": 1 for r in KeyRequest.objects.all()},
            **{f"key {k.origin} {k.state}": 1 for k in Key.objects.all()},
        }
    )


@pytest.mark.parametrize("machine", [Portal, Account], ids=["all", "accounts"])
def test_any_order_of_deeds_faults_and_deaths_keeps_the_promises(
    box, settings, machine
):
    with mornings(box, settings) as starts:
        machine.starts, machine.happened = starts, Counter()
        run_state_machine_as_test(machine, settings=LONG if SOAK else BOUNDED)

    expected = EXPECTED if machine is Portal else EXPECTED_OF_ACCOUNTS
    assert {name for name in expected if not machine.happened[name]} == set()
