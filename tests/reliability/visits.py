"""Every click during which the portal calls Tyk, through the real pages.

One visit is one live call of the portal: how somebody comes to the page, what they
click, what stands in our rows and in Tyk afterwards, each in a few words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.test import Client

from developers import live_address, services as people
from developers.models import Developer, MailedLink, SignUp, User
from keyrequests.models import Key, KeyRequest, Mint
from tests.reliability.world import World
from tyk import outbox
from tyk.dashboard.secret import Secret

MIRA, OLD = "mira@tinfold.example", "correct horse"
NORA, NEW = "nora@tinfold.example", "an uncommon walrus"
MOVED = "mira@newhome.example"
BACKEND = "developers.backends.TykBackend"
Browser = Client


@dataclass(frozen=True)
class Visit:
    """`calls`: what a run without faults makes, in order; checked by a test."""

    name: str
    live_call: str
    morning: str
    come: Callable[[World], Browser]
    click: Callable[[World, Browser], Any]
    kept: Callable[[World, Browser], str]
    truth: Callable[[World], str]
    calls: tuple[str, ...]
    # What may stand there in the end, beside what a run without faults leaves.
    also: tuple[str, ...] = ()


# --- What is there afterwards, in words --------------------------------------------------
def signed_in(browser: Browser) -> str:
    return "signed in" if "_auth_user_id" in browser.session else "signed out"


def _login_kept(_world: World, browser: Browser) -> str:
    return signed_in(browser)


def _link(purpose: str) -> str:
    link = MailedLink.objects.filter(purpose=purpose).latest("pk")
    if link.used_at:
        return "link used"
    return "link taken" if link.taken_until else "link open"


def _confirm_kept(_world: World, _browser: Browser) -> str:
    return f"{_link('confirm')}, {SignUp.objects.latest('pk').state}"


def _sessions(world: World) -> str:
    """Those opened elsewhere before: they hang on the row's unusable password."""
    row = User.objects.get(developer=world.scene.developer)
    return "sessions go on" if row.password == "!elsewhere" else "sessions ended"


def _reset_kept(world: World, _browser: Browser) -> str:
    return f"{_link('reset')}, {_sessions(world)}"


def _change_kept(world: World, _browser: Browser) -> str:
    return _sessions(world)


def _close_kept(world: World, _browser: Browser) -> str:
    gone = Developer.objects.filter(closed_at=None).count() == 0
    return "closed" if gone else _sessions(world)


def _address_kept(world: World, _browser: Browser) -> str:
    return f"{_link('new_address')}, {_sessions(world)}"


def _ask_kept(_world: World, _browser: Browser) -> str:
    asked = MailedLink.objects.filter(purpose="new_address").exists()
    return "mail on its way" if asked else "no mail"


def _mints(_world: World, _browser: Browser) -> str:
    states = Mint.objects.order_by("pk").values_list("state", flat=True)
    return ", ".join(states) or "no mint"


def _nothing(_world: World) -> str:
    return ""


def _password(email: str) -> Callable[[World], str]:
    def held(world: World) -> str:
        is_new = world.box.password_is(email, NEW)
        assert is_new or world.box.password_is(email, OLD)
        return "new password" if is_new else "old password"

    return held


def _accounts(world: World) -> str:
    [*made] = [d for d in world.box.developers() if d["email"] == NORA]
    return ", ".join(
        "made" if world.box.password_is(NORA, NEW) else "made otherwise" for _ in made
    )


def _address(world: World) -> str:
    email = world.box.developer(world.scene.developer.tyk_id)["email"]
    return {MIRA: "old address", MOVED: "new address"}[email]


def _keys(world: World) -> str:
    return str(len(world.keys_in_tyk()))


# --- Coming to a page ----------------------------------------------------------------------
def _stranger(_world: World) -> Browser:
    return Client()


def _unknown_here(world: World) -> Browser:
    """Somebody Tyk has and the mirror does not yet."""
    world.box.add_developer(NORA, password=OLD)
    return Client()


def _elsewhere(world: World) -> User:
    """A session of the developer's that was opened before, in another browser."""
    user = people.user_of(world.scene.developer)
    User.objects.filter(pk=user.pk).update(password="!elsewhere")
    user.refresh_from_db()
    return user


def _at_home(world: World) -> Browser:
    browser = Client()
    browser.force_login(_elsewhere(world), backend=BACKEND)
    return browser


def with_link(name: str, link: MailedLink) -> Browser:
    """A browser that opened the mailed link a moment ago."""
    browser = Client()
    session = browser.session
    session[f"{name}_link"] = link.digest
    session.save()
    return browser


def _with_confirm_link(_world: World) -> Browser:
    return with_link("confirm", MailedLink.objects.get(purpose="confirm"))


def _somebody_has_it(world: World) -> Browser:
    """The account was made at the Dashboard after the mail had gone."""
    world.box.add_developer(NORA, password=OLD)
    return _with_confirm_link(world)


def _half_made(world: World) -> Browser:
    """An earlier try made the account; nobody heard, and its password is another."""
    signup = SignUp.objects.get()
    SignUp.objects.update(state=SignUp.State.SENDING)
    marker = people.marker_of(signup)
    fields = {people.MARKER_FIELD: marker}
    world.box.add_developer(NORA, password=OLD, fields=fields)
    return _with_confirm_link(world)


def _with_reset_link(world: World) -> Browser:
    _elsewhere(world)
    return with_link("reset", MailedLink.objects.get(purpose="reset"))


def _with_address_link(world: World) -> Browser:
    _elsewhere(world)
    developer = world.scene.developer
    live_address.ask(developer, current=Secret(OLD), address=MOVED)
    outbox.drain()
    return with_link("email", MailedLink.objects.get(purpose="new_address"))


def _answer_lost(
    come: Callable[[World], Browser], operation: str
) -> Callable[[World], Browser]:
    """This call's answer gets lost in any case; Tyk does what it was told."""

    def came(world: World) -> Browser:
        browser = come(world)
        world.box.faults.add(operation, mode="reset_after", times=1)
        return browser

    return came


def _lost_before(world: World) -> Browser:
    """An earlier claim was lost and is settled: the next asks Tyk anew."""
    world.pass_time(400)
    outbox.drain()
    return _at_home(world)


def _answered_by_text(world: World) -> Browser:
    """... and Tyk names no id, so the new request is found by its marker."""
    world.box.switch(create_request_answer="text")
    return _lost_before(world)


def _approved_there(world: World) -> Browser:
    world.approve_by_hand(KeyRequest.objects.get().tyk_id or "")
    return _at_home(world)


# --- Clicking ------------------------------------------------------------------------------
def _posting(path: str, **typed: str) -> Callable[[World, Browser], Any]:
    return lambda _world, browser: browser.post(path, typed)


def _claim(_world: World, browser: Browser) -> Any:
    return browser.post(f"/requests/{KeyRequest.objects.get().code}/claim/")


def _replace(world: World, browser: Browser) -> Any:
    key = Key.objects.get(origin=Key.Origin.CLAIMED, mint__replaces=None)
    world.given_up_rows.add(key.pk)
    return browser.post(f"/keys/{key.code}/replace/", {"overlap": "0"})


def _leaked(world: World, browser: Browser) -> Any:
    key = Key.objects.get(origin=Key.Origin.CLAIMED, mint__replaces=None)
    world.given_up_rows.add(key.pk)
    return browser.post(f"/keys/{key.code}/leaked/")


_LOGIN = _posting("/login/", email=MIRA, password=OLD)
_LOGIN_NORA = _posting("/login/", email=NORA, password=OLD)
_LOGIN_WRONG = _posting("/login/", email=MIRA, password="no such horse")
_CONFIRM = _posting("/confirm/", password=NEW, again=NEW)
_TAKE_OVER = _posting("/confirm/", password=NEW, again=NEW, take_over="yes")
_RESET = _posting("/password/reset/choose/", password=NEW, again=NEW)
_CHANGE = _posting("/password/change/", current=OLD, password=NEW, again=NEW)
_ASK = _posting("/account/email/", email=MOVED, current=OLD)
_USE = _posting("/account/email/confirm/")
_CLOSE = _posting("/account/close/", email=MIRA, current=OLD)

VERIFY, READ = "verifyCredentials", "getDeveloper"
FIND, CREATE = "getDeveloperByEmail", "createDeveloper"
SET, PUT = "resetDeveloperPassword", "updateDeveloper"
APPROVE, ASK_TYK = "approveKeyRequest", "createKeyRequest"
DETAIL, REQUEST, LIST = "getKey", "getKeyRequest", "listKeyRequests"

_SIGN_IN, _CONFIRMING = "developers.live.sign_in", "developers.live.confirm"
_RESETTING, _CHANGING = "developers.live.reset", "developers.live_owner.change_password"
_ASKING, _MOVING = "developers.live_address.ask", "developers.live_address.change"
_CLOSING = "developers.live_owner.prove"
_CLAIMING, _REPLACING = "keyrequests.live.claim", "keyrequests.live.replace"
_LOOKING = "keyrequests.live.refuse_if_ended_in_tyk"
# fmt: off
VISITS = [
    Visit("log in", _SIGN_IN, "empty", _stranger, _LOGIN,
          _login_kept, _nothing, (VERIFY, READ)),
    Visit("log in for the first time", _SIGN_IN, "empty", _unknown_here, _LOGIN_NORA,
          _login_kept, _nothing, (VERIFY, FIND)),
    Visit("log in, mistyped", _SIGN_IN, "empty", _stranger, _LOGIN_WRONG,
          _login_kept, _nothing, (VERIFY, "getPortalConfiguration")),
    Visit("confirm", _CONFIRMING, "signed up", _with_confirm_link, _CONFIRM,
          _confirm_kept, _accounts, (FIND, CREATE, READ)),
    Visit("confirm, answer lost", _CONFIRMING, "signed up",
          _answer_lost(_with_confirm_link, CREATE), _CONFIRM,
          _confirm_kept, _accounts, (FIND, CREATE, FIND, VERIFY, READ)),
    Visit("confirm once more", _CONFIRMING, "signed up", _half_made, _CONFIRM,
          _confirm_kept, _accounts, (FIND, SET, READ)),
    Visit("take over", _CONFIRMING, "signed up", _somebody_has_it, _TAKE_OVER,
          _confirm_kept, _accounts, (FIND, SET, READ)),
    Visit("reset", _RESETTING, "reset asked", _with_reset_link, _RESET,
          _reset_kept, _password(MIRA), (READ, SET, READ)),
    Visit("reset, answer lost", _RESETTING, "reset asked",
          _answer_lost(_with_reset_link, SET), _RESET,
          _reset_kept, _password(MIRA), (READ, SET, VERIFY, READ)),
    Visit("change password", _CHANGING, "empty", _at_home, _CHANGE,
          _change_kept, _password(MIRA), (VERIFY, READ, READ, SET, READ)),
    Visit("ask for a new address", _ASKING, "empty", _at_home, _ASK,
          _ask_kept, _address, (VERIFY, READ)),
    Visit("close the account", _CLOSING, "empty", _at_home, _CLOSE,
          _close_kept, _nothing, (VERIFY, READ)),
    Visit("use a new address", _MOVING, "empty", _with_address_link, _USE,
          _address_kept, _address, (READ, FIND, READ, PUT, READ)),
    Visit("new address, answer lost", _MOVING, "empty",
          _answer_lost(_with_address_link, PUT), _USE,
          _address_kept, _address, (READ, FIND, READ, PUT, READ, READ)),
    Visit("claim", _CLAIMING, "approved", _at_home, _claim,
          _mints, _keys, (READ, APPROVE, READ, DETAIL)),
    Visit("claim after a lost one", _CLAIMING, "lost", _lost_before, _claim,
          _mints, _keys, (READ, ASK_TYK, APPROVE, READ, DETAIL)),
    Visit("claim, found by marker", _CLAIMING, "lost", _answered_by_text, _claim,
          _mints, _keys, (READ, ASK_TYK, LIST, APPROVE, READ, DETAIL)),
    Visit("claim what was approved there", _CLAIMING, "approved", _approved_there, _claim,
          _mints, _keys, (READ, APPROVE, REQUEST, READ), also=("2", "shown")),
    Visit("replace", _REPLACING, "claimed", _at_home, _replace,
          _mints, _keys, (READ, ASK_TYK, APPROVE, READ, DETAIL)),
    Visit("it leaked", _LOOKING, "claimed", _at_home, _leaked,
          _mints, _keys, (READ, READ, ASK_TYK, APPROVE, READ, DETAIL)),
]
# fmt: on
WRITES = {CREATE, SET, PUT, APPROVE, ASK_TYK}
