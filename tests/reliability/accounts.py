"""What people and the Dashboard do about accounts, and what they may rely on.

Kept beside the portal: which passwords may be an account's, which sessions were
opened and why they may have ended, and what was last written into a profile.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from developers import live, live_address, live_owner, services
from developers.backends import TykBackend
from developers.errors import InvalidCredentials, OutcomeUnclear
from developers.models import Developer, MailedLink, ProfileEdit, SignUp
from tests.reliability.boundaries import Died
from tests.reliability.world import REFUSALS, World
from tyk.dashboard.secret import Secret

PASSWORDS = ["correct horse", "an uncommon walrus", "copper meadow violin"]
NEWCOMERS = ["nora@tinfold.example", "otto@tinfold.example"]
DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"
Purpose = MailedLink.Purpose


@dataclass
class Session:
    """A login that was let in. It may end only for a reason, and must for some."""

    user: int
    developer: int
    proof: str  # what it hangs on: Django's session hash
    may_end: bool = False
    must_end: bool = False

    @property
    def goes_on(self) -> bool:
        user = TykBackend().get_user(self.user)
        return user is not None and user.get_session_auth_hash() == self.proof


@dataclass
class Accounts:
    world: World
    # By Tyk's id: what the password may be, as far as people were told.
    may_be: dict[str, set[str]] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    # By Tyk's id: names that were wished here or written there, and not taken back.
    names: dict[str, set[str]] = field(default_factory=dict)
    companies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for record in self.world.box.developers():
            self.may_be[record["id"]] = {self.password(record["id"])}

    # --- Truth ---------------------------------------------------------------------------
    def records(self) -> dict[str, dict[str, Any]]:
        return {record["id"]: record for record in self.world.box.developers()}

    def password(self, tyk_id: str) -> str:
        """Which of the passwords Tyk takes for this record."""
        email = self.records()[tyk_id]["email"]
        held = [p for p in PASSWORDS if self.world.box.password_is(email, p)]
        return held[0] if held else ""

    # --- Trying --------------------------------------------------------------------------
    def attempt(self, deed: Callable[[], object]) -> tuple[str, object]:
        """Do it in a process that may die: what the person can know, and what came."""
        boundaries, happened = self.world.boundaries, self.world.happened
        try:
            with boundaries.watched():
                return DONE, deed()
        except OutcomeUnclear as unclear:
            happened["outcome unclear"] += 1
            return UNKNOWN, unclear
        except REFUSALS as refusal:
            happened[type(refusal).__name__] += 1
            return REFUSED, refusal
        except Died as died:
            happened["died"] += 1
            boundaries.restart()
            return UNKNOWN, died

    def sign_up(self, email: str) -> None:
        self.attempt(lambda: services.sign_up(email, fields={}))

    def log_in(self, email: str, password: str, *, may_look_wrong: bool) -> None:
        known, came = self.attempt(lambda: live.sign_in(email, Secret(password)))
        if isinstance(came, Developer):
            assert self.password(came.tyk_id) == password, (
                "let in with a wrong password"
            )
            user = services.user_of(came)
            proof = user.get_session_auth_hash()
            self.sessions.append(Session(user.pk, came.pk, proof))
            self.world.happened["logged in"] += 1
        elif isinstance(came, InvalidCredentials) and not may_look_wrong:
            assert not self.world.box.password_is(email, password), "called wrong"
        assert known in {DONE, REFUSED, UNKNOWN}

    def confirm(self, link: MailedLink, password: str, *, take_over: bool) -> None:
        before = {i: self.password(i) for i in self.records()}
        known, _ = self.attempt(
            lambda: live.confirm(link, Secret(password), take_over=take_over)
        )
        new = {i: self.password(i) for i in self.records()}
        moved = {i for i in new if new[i] != before.get(i)}
        if known == REFUSED:
            assert moved == set(), "a refused confirmation moved something"
        if known == DONE:
            made = SignUp.objects.get(mailedlink=link)
            assert made.state == SignUp.State.DONE
            assert new[made.tyk_id] == password, "the password said to be set"
            self._is_now(made.tyk_id, password)
            self.world.happened["account made"] += 1
        for tyk_id in moved:
            self._ends_sessions(tyk_id, must=False)
            self.may_be.setdefault(tyk_id, set()).add(new[tyk_id])

    def ask_for_reset(self, email: str) -> None:
        self.attempt(lambda: services.ask_for_reset(email))

    def reset(self, link: MailedLink, password: str) -> None:
        if link.developer is not None:
            self._set(
                link.developer, password, lambda: live.reset(link, Secret(password))
            )

    def change_password(self, who: Developer, current: str, password: str) -> None:
        self._set(
            who,
            password,
            lambda: live_owner.change_password(
                who, current=Secret(current), new=Secret(password)
            ),
        )

    def _set(self, who: Developer, password: str, deed: Callable[[], object]) -> None:
        """A password is new, or as it was, or may be either: never else than said."""
        if who.tyk_id not in self.records():
            assert self.attempt(deed)[0] != DONE, "set for nobody"
            return
        before = self.password(who.tyk_id)
        known, _ = self.attempt(deed)
        now = self.password(who.tyk_id)
        if known == DONE:
            assert now == password, "said to be set, and is not"
            self._is_now(who.tyk_id, password)
            self._ends_sessions(who.tyk_id, must=True)
        elif known == REFUSED:
            assert now == before, "said not to be set, and is"
        else:
            assert now in {before, password}
            self.may_be[who.tyk_id].add(password)
            self._ends_sessions(who.tyk_id, must=False)
        self.world.happened[f"password {known}"] += 1

    def _is_now(self, tyk_id: str, password: str) -> None:
        """Told so. What may still land keeps its say."""
        old = self.may_be.get(tyk_id, set()) if self.world.boundaries.late else set()
        self.may_be[tyk_id] = {password} | old

    def _ends_sessions(self, tyk_id: str, *, must: bool) -> None:
        for session in self.sessions:
            if self._is_of(session, tyk_id):
                session.may_end = True
                session.must_end |= must

    def _is_of(self, session: Session, tyk_id: str) -> bool:
        return Developer.objects.filter(pk=session.developer, tyk_id=tyk_id).exists()

    # --- Profile and address ---------------------------------------------------------------
    def edit_profile(self, who: Developer, name: str) -> None:
        self.names.setdefault(who.tyk_id, {self._name(who.tyk_id)}).add(name)
        self.attempt(lambda: services.edit_profile(who, fields={"Name": name}))
        self.world.happened["profile edited"] += 1

    def decide(self, edit: ProfileEdit, *, mine: bool) -> None:
        self.attempt(
            lambda: services.keep_mine(edit) if mine else services.take_theirs(edit)
        )

    def switch(self, who: Developer, *, active: bool) -> None:
        known, _ = self.attempt(lambda: services.set_active(who, active=active))
        self._ends_sessions(who.tyk_id, must=known == DONE and not active)

    def ask_for_address(self, who: Developer, current: str, address: str) -> None:
        self.attempt(
            lambda: live_address.ask(who, current=Secret(current), address=address)
        )

    def use_address(self, link: MailedLink) -> None:
        if link.developer is None or link.developer.tyk_id not in self.records():
            self.attempt(lambda: live_address.change(link))
            return
        tyk_id = link.developer.tyk_id
        before = self.records()[tyk_id]["email"]
        known, _ = self.attempt(lambda: live_address.change(link))
        now = self.records()[tyk_id]["email"]
        if known == DONE:
            assert now == link.email, "said to be changed, and is not"
            self.world.happened["address changed"] += 1
        elif known == REFUSED:
            assert now == before, "said not to be changed, and is"
        if known != REFUSED:
            self._ends_sessions(tyk_id, must=known == DONE)

    # --- At the Dashboard --------------------------------------------------------------------
    def _name(self, tyk_id: str) -> str:
        return str((self.records()[tyk_id]["fields"] or {}).get("Name", ""))

    def edit_there(self, tyk_id: str, what: str, n: int) -> None:
        """Somebody changes the record there: name, company, password, on or off."""
        box, fields = self.world.box, dict(self.records()[tyk_id]["fields"] or {})
        if what == "name":
            name = f"Named there {n}"
            self.names.setdefault(tyk_id, {self._name(tyk_id)}).add(name)
            box.edit_developer(tyk_id, fields={**fields, "Name": name})
        elif what == "company":
            self.companies[tyk_id] = f"Company {n}"
            box.edit_developer(tyk_id, fields={**fields, "Company": f"Company {n}"})
        elif what == "password":
            box.edit_developer(tyk_id, password=PASSWORDS[n % 3])
            self.may_be[tyk_id] = {PASSWORDS[n % 3], *self._may_land(tyk_id)}
            self._ends_sessions(tyk_id, must=False)
        else:
            box.edit_developer(tyk_id, inactive=what == "off")
            self._ends_sessions(tyk_id, must=False)
        self.world.happened["edited there"] += 1

    def _may_land(self, tyk_id: str) -> set[str]:
        return self.may_be.get(tyk_id, set()) if self.world.boundaries.late else set()

    def delete_there(self, tyk_id: str) -> None:
        self.world.box.delete_developer(tyk_id)
        self._ends_sessions(tyk_id, must=False)

    # --- Promises ------------------------------------------------------------------------------
    def check_always(self) -> None:
        for tyk_id in self.records():
            held = self.password(tyk_id)
            assert held in self.may_be.get(tyk_id, {held}), "a password moved unsaid"
        for session in self.sessions:
            if not session.may_end:
                assert session.goes_on, "a session ended without a reason"
            if session.must_end:
                assert not session.goes_on, "a session outlived its password"
        for tyk_id, company in self.companies.items():
            if tyk_id in self.records():
                held = self.records()[tyk_id]["fields"]["Company"]
                assert held == company, "a change made there was undone"
        twice = MailedLink.objects.filter(used_at__isnull=False, taken_until=None)
        used = MailedLink.objects.filter(used_at__isnull=False)
        assert twice.count() == used.count(), "a used link is taken"

    def check_at_rest(self) -> None:
        records = self.records()
        emails = [record["email"] for record in records.values()]
        assert len(emails) == len(set(emails)), "two accounts of one address"
        assert not ProfileEdit.objects.filter(state="due").exists(), "a wish was lost"
        for developer in Developer.objects.present():
            record = records.get(developer.tyk_id)
            if record is not None:
                self._mirrors(developer, record)
        for session in self.sessions:
            self._ended_if_it_must(session, records)

    def _mirrors(self, developer: Developer, record: dict[str, Any]) -> None:
        name = self._name(developer.tyk_id)
        here = (developer.email, developer.inactive, developer.name)
        assert here == (record["email"], record["inactive"], name)
        assert name in self.names.get(developer.tyk_id, {name}), (
            "nobody wrote this name"
        )

    def _ended_if_it_must(self, session: Session, records: dict[str, Any]) -> None:
        record = records.get(Developer.objects.get(pk=session.developer).tyk_id)
        if record is not None and record["inactive"]:
            assert not session.goes_on, "switched off, and still in"


def mailed(purpose: str) -> list[MailedLink]:
    """Links somebody has in their mailbox, the latest first."""
    links = MailedLink.objects.filter(purpose=purpose, used_at=None)
    return list(links.exclude(digest=None).order_by("-pk"))


def people_here() -> list[Developer]:
    return list(Developer.objects.present().order_by("pk"))
