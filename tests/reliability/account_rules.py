"""The machine's rules about accounts: people, staff, and people at the Dashboard."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from developers.models import Developer, MailedLink, ProfileEdit
from tests.reliability.accounts import (
    NEWCOMERS,
    PASSWORDS,
    Accounts,
    mailed,
    people_here,
)
from tests.reliability.mornings import MOVED
from tests.reliability.troubles import Trouble, troubles
from tests.reliability.world import World

MIRA = "mira@tinfold.example"
which = st.integers(0, 3)
passwords = st.sampled_from(PASSWORDS)
typed = st.sampled_from(["", "", *PASSWORDS])  # "" is whichever is right
Purpose = MailedLink.Purpose
SETTING = (
    "getDeveloper",
    "resetDeveloperPassword",
    "resetDeveloperPassword",
    "verifyCredentials",
)


class AccountRules(RuleBasedStateMachine):
    """Sign up, confirm, log in, reset, edit; and the same from the other side."""

    world: World
    accounts: Accounts

    @rule(email=st.sampled_from(NEWCOMERS), trouble=troubles())
    def sign_up(self, email: str, trouble: Trouble) -> None:
        with trouble.during(self.world):
            self.accounts.sign_up(email)
        self.world.work(rows=20)

    @precondition(lambda self: bool(mailed(Purpose.CONFIRM)))
    @rule(
        n=which,
        password=passwords,
        take_over=st.booleans(),
        trouble=troubles("createDeveloper", "getDeveloperByEmail", *SETTING),
    )
    def confirm(self, n: int, password: str, take_over: bool, trouble: Trouble) -> None:
        links = mailed(Purpose.CONFIRM)
        with trouble.during(self.world):
            self.accounts.confirm(links[n % len(links)], password, take_over=take_over)

    @rule(
        email=st.sampled_from([MIRA, MIRA, *NEWCOMERS, MOVED]),
        password=typed,
        trouble=troubles(
            "verifyCredentials",
            "getDeveloper",
            "getDeveloperByEmail",
            "getPortalConfiguration",
        ),
    )
    def log_in(self, email: str, password: str, trouble: Trouble) -> None:
        # Tyk's answer to a wrong password, whatever the password.
        looks_wrong = trouble.fault == "401" and trouble.operation.startswith("verify")
        with trouble.during(self.world):
            self.accounts.log_in(
                email, password or self._right(email), may_look_wrong=looks_wrong
            )

    @rule(email=st.sampled_from([MIRA, *NEWCOMERS]), trouble=troubles())
    def ask_for_reset(self, email: str, trouble: Trouble) -> None:
        with trouble.during(self.world):
            self.accounts.ask_for_reset(email)
        self.world.work(rows=20)

    @precondition(lambda self: bool(mailed(Purpose.RESET)))
    @rule(n=which, password=passwords, trouble=troubles(*SETTING))
    def reset(self, n: int, password: str, trouble: Trouble) -> None:
        links = mailed(Purpose.RESET)
        with trouble.during(self.world):
            self.accounts.reset(links[n % len(links)], password)

    @rule(
        n=which,
        current=typed,
        password=passwords,
        trouble=troubles(*SETTING, always=True),
    )
    def change_password(
        self, n: int, current: str, password: str, trouble: Trouble
    ) -> None:
        people = people_here()
        who = people[n % len(people)]
        with trouble.during(self.world):
            self.accounts.change_password(
                who, current or self._right(who.email), password
            )

    @rule(n=which, name=st.sampled_from(["Mira Tal-Ohm", "M. Tal"]), trouble=troubles())
    def edit_profile(self, n: int, name: str, trouble: Trouble) -> None:
        people = people_here()
        with trouble.during(self.world):
            self.accounts.edit_profile(people[n % len(people)], name)

    @precondition(lambda self: ProfileEdit.objects.filter(state="conflict").exists())
    @rule(mine=st.booleans(), trouble=troubles())
    def decide_conflict(self, mine: bool, trouble: Trouble) -> None:
        edit = ProfileEdit.objects.filter(state="conflict").latest("pk")
        with trouble.during(self.world):
            self.accounts.decide(edit, mine=mine)

    @rule(n=which, active=st.sampled_from([True, True, False]), trouble=troubles())
    def switch(self, n: int, active: bool, trouble: Trouble) -> None:
        people = people_here()
        with trouble.during(self.world):
            self.accounts.switch(people[n % len(people)], active=active)

    @rule(password=typed, trouble=troubles("verifyCredentials", "getDeveloper"))
    def ask_for_address(self, password: str, trouble: Trouble) -> None:
        who = Developer.objects.get(pk=self.world.scene.developer.pk)
        with trouble.during(self.world):
            self.accounts.ask_for_address(
                who, password or self._right(who.email), MOVED
            )
        self.world.work(rows=20)

    @precondition(lambda self: bool(mailed(Purpose.NEW_ADDRESS)))
    @rule(
        trouble=troubles(
            "getDeveloper", "getDeveloperByEmail", "updateDeveloper", always=True
        )
    )
    def use_address(self, trouble: Trouble) -> None:
        with trouble.during(self.world):
            self.accounts.use_address(mailed(Purpose.NEW_ADDRESS)[0])

    @rule(trouble=troubles("getDeveloper", "getDeveloperByEmail", "updateDeveloper"))
    def move(self, trouble: Trouble) -> None:
        """The likely course to a new address. By chance it is too rare."""
        self.ask_for_address(password="", trouble=Trouble())
        for link in mailed(Purpose.NEW_ADDRESS)[:1]:
            with trouble.during(self.world):
                self.accounts.use_address(link)

    @rule(
        email=st.sampled_from(NEWCOMERS),
        password=passwords,
        trouble=troubles("createDeveloper", "getDeveloperByEmail", *SETTING),
    )
    def join(self, email: str, password: str, trouble: Trouble) -> None:
        """The likely course of somebody new, up to a confirmation in trouble."""
        self.sign_up(email=email, trouble=Trouble())
        for link in mailed(Purpose.CONFIRM)[:1]:
            with trouble.during(self.world):
                self.accounts.confirm(link, password, take_over=False)

    @rule(password=passwords)
    def new_password_lands_late(self, password: str) -> None:
        """Tyk sets it once nobody listens any more; or never."""
        self.change_password(
            n=0,
            current="",
            password=password,
            trouble=Trouble(late="resetDeveloperPassword"),
        )

    @rule(
        n=which,
        what=st.sampled_from(["name", "company", "password", "off", "on", "on"]),
    )
    def edit_there(self, n: int, what: str) -> None:
        ids = sorted(self.accounts.records())
        self.accounts.edit_there(ids[n % len(ids)], what, n)

    @rule(n=which)
    def delete_there(self, n: int) -> None:
        """A newcomer is deleted at the Dashboard, with all they have."""
        ids = [i for i, r in self.accounts.records().items() if r["email"] in NEWCOMERS]
        for tyk_id in ids[: n // 3]:
            self.accounts.delete_there(tyk_id)

    @rule(trouble=troubles("updateDeveloper", "getDeveloper"))
    def work_on_accounts(self, trouble: Trouble) -> None:
        with trouble.during(self.world):
            self.world.work(rows=20)

    def _right(self, email: str) -> str:
        return next(
            (p for p in PASSWORDS if self.world.box.password_is(email, p)), "none"
        )

    @invariant()
    def accounts_always(self) -> None:
        if hasattr(self, "accounts"):
            self.accounts.check_always()
