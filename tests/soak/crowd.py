"""Threads of people: each developer belongs to one thread, so does the reviewer."""

import contextlib
import random
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.soak import box as boxes
from tests.soak.browser import Browser, Mailbox
from tests.soak.developer import Developer
from tests.soak.history import History, Lost, Refused
from tests.soak.house import STAFF, STAFF_PASSWORD, House
from tests.soak.others import Reviewer, Stranger

THREADS = 16
STRANGE_EVERY = 0.7  # seconds between two acts of the stranger
#: What a developer with nothing urgent does, with its weight.
LEISURE = {"ask": 10, "replace": 2, "revoke": 1, "edit": 1, "reset": 0.4}


@dataclass
class Crowd:
    """Everybody who uses the portal. `wanted` requests are to be accepted in all."""

    house: House
    history: History
    wanted: int
    seed: int
    developers: list[Developer]
    mailbox: Mailbox
    accepted: int = 0
    faults: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    #: Nobody asks any more; what is open is decided and claimed.
    finishing: bool = False
    _asking: int = 0
    _alone: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, *, strangers: bool) -> None:
        """Let everybody act, until `end`."""
        self.over.clear()
        shares = [self.developers[n::THREADS] for n in range(THREADS)]
        for number, share in enumerate(shares):
            if share:
                draw = self._draw(f"thread {number}")
                self._start(partial(self._turn, share, draw))
        self._start(self._decide())
        self._start(self._read_mail)
        if strangers:
            self._start(self._be_strange())

    def end(self) -> None:
        """Everybody finishes what they are at."""
        self.over.set()
        for thread in self._threads:
            thread.join(60)
        self._threads.clear()

    def left(self) -> int:
        """Requests accepted and not yet claimed or declined, as developers see it."""
        return sum(len(one.open) + (one.unsent is not None) for one in self.developers)

    def _draw(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")  # noqa: S311  not a secret

    def _start(self, act: Callable[[], None]) -> None:
        def again() -> None:
            while not self.over.is_set():
                try:
                    act()
                except (Lost, Refused):
                    continue
                except Exception:  # noqa: BLE001 -- told at the end: the run goes on
                    self.faults.append(traceback.format_exc())
                    time.sleep(0.5)

        thread = threading.Thread(target=again, daemon=True)
        thread.start()
        self._threads.append(thread)

    # --- Developers ---------------------------------------------------------------
    def _turn(self, share: list[Developer], draw: random.Random) -> None:
        """One thing that one of them does."""
        one = draw.choice(share)
        if not self._do(one, draw):
            time.sleep(0.02)

    def _do(self, one: Developer, draw: random.Random) -> bool:
        if one.reset_since:
            one.reset()
            if one.reset_since:
                return False
        code = one.to_claim()
        idle = not code and one.unsent is None
        if idle and (self.finishing or not self._more()):
            return False
        if not one.signed_in and not one.sign_in():
            return True
        if one.unsent is not None:
            self._count(one.ask_again())
        elif code and draw.random() < 0.7:
            one.claim(code)
        elif not self.finishing:
            self._leisure(one, draw)
        return True

    def _leisure(self, one: Developer, draw: random.Random) -> None:
        [act] = draw.choices(list(LEISURE), list(LEISURE.values()))
        if act == "ask" and one.may_ask() and self._take_one():
            asked = False
            try:
                asked = one.ask()
            finally:
                self._asking -= 1
                self._count(asked)
        elif act == "replace" and one.held:
            one.replace(draw.choice(one.held))
        elif act == "revoke" and one.held:
            one.revoke(draw.choice(one.held))
        elif act == "edit":
            one.edit()
        elif act == "reset":
            one.ask_for_reset()

    def _more(self) -> bool:
        return self.accepted < self.wanted

    def _take_one(self) -> bool:
        """Whether one more may be asked for; no more are accepted than wanted."""
        with self._alone:
            if self.accepted + self._asking >= self.wanted:
                return False
            self._asking += 1
            return True

    def _count(self, asked: bool) -> None:
        with self._alone:
            self.accepted += asked

    # --- The others -----------------------------------------------------------------
    def _decide(self) -> Callable[[], None]:
        reviewer = Reviewer(
            STAFF,
            STAFF_PASSWORD,
            Browser(self.house.ports, f"{self.seed} staff"),
            self.history,
            self._draw("staff"),
        )

        def decide() -> None:
            if not reviewer.signed_in:
                reviewer.sign_in()
            elif not reviewer.decide_all():
                self.over.wait(0.5)

        return decide

    def _read_mail(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.mailbox.look()
        self.over.wait(0.5)

    def _be_strange(self) -> Callable[[], None]:
        hello, box = self.house.box.hello, self.house.box
        stranger = Stranger(
            hello["url"],
            hello["api_key"],
            lambda who, company: _none(
                box.ask(do="edit", developer=who, company=company)
            ),
            hello["developers"],
            hello["policies"],
            self.history,
            self._draw("stranger"),
        )

        def act() -> None:
            stranger.act()
            self.over.wait(STRANGE_EVERY)

        return act


def _none(_answer: object) -> None:
    return None


def gather(house: House, history: History, wanted: int, seed: int) -> Crowd:
    """Everybody, outside the door."""
    mailbox = Mailbox(house.folder / "mail")
    people = [
        Developer(
            number=number,
            email=boxes.ADDRESS.format(number=number),
            password=boxes.PASSWORD.format(number=number),
            browser=Browser(house.ports, f"{seed} developer {number}"),
            history=history,
            mailbox=mailbox,
            ports=house.ports,
            draw=random.Random(f"{seed} draws {number}"),  # noqa: S311  not a secret
        )
        for number in range(len(house.box.hello["developers"]))
    ]
    return Crowd(house, history, wanted, seed, people, mailbox)
