"""What people come to do, one story each, and what must be true at its end.

`act` is the person's click and the worker after it. `again` is what the same person
does when they come back after a breakdown: look, and do what is still to be done.
"""

from collections.abc import Callable
from dataclasses import dataclass

from developers import live as accounts, services as people
from developers.models import Developer, MailedLink, SignUp, User
from keyrequests.models import Key, KeyRequest
from tests.reliability.world import SESSIONS_HANG_ON, World
from tyk.dashboard.secret import Secret
from tyk.models import Outbox

NEW = "nora@tinfold.example"
PASSWORD = Secret("an uncommon walrus")
OLD = Secret("correct horse")


@dataclass(frozen=True)
class Story:
    name: str
    morning: str
    act: Callable[[World], object]
    again: Callable[[World], object]
    ended_well: Callable[[World], object]


# --- Accounts --------------------------------------------------------------------------


def confirm(world: World) -> None:
    link = MailedLink.objects.filter(signup__email=NEW, used_at=None).first()
    if link is not None:
        world.living(lambda: accounts.confirm(link, PASSWORD))


def one_account(world: World) -> None:
    found = [d for d in world.box.developers() if d["email"] == NEW]
    assert len(found) == 1, "one account per address"
    assert world.box.password_is(NEW, PASSWORD.reveal())
    assert SignUp.objects.get().state == SignUp.State.DONE
    assert Developer.objects.filter(email=NEW).count() == 1


def change_password(world: World) -> None:
    developer = world.scene.developer
    world.living(lambda: accounts.change_password(developer, current=OLD, new=PASSWORD))


def change_it_if_it_is_old(world: World) -> None:
    if world.box.password_is(world.scene.developer.email, OLD.reveal()):
        change_password(world)


def password_is_new(world: World) -> None:
    assert world.box.password_is(world.scene.developer.email, PASSWORD.reveal())


def reset(world: World) -> None:
    link = MailedLink.objects.get(purpose=MailedLink.Purpose.RESET)
    world.living(lambda: accounts.reset(link, PASSWORD))


def password_is_new_and_sessions_over(world: World) -> None:
    password_is_new(world)
    user = User.objects.get(developer=world.scene.developer)
    assert user.password != SESSIONS_HANG_ON
    told = Outbox.objects.get(kind="mail.password_changed")
    assert told.served == told.asked, "the mailbox was told"


def switch_off(world: World) -> None:
    world.living(lambda: people.set_active(world.scene.developer, active=False))
    world.work(rows=20)


def is_off(world: World) -> None:
    record = world.box.developer(world.scene.developer.tyk_id)
    assert record["inactive"] is True
    assert record["fields"] == {"Name": "Mira Tal"}
    assert len(record["keys"]) == 1, "the key is still listed"
    assert Developer.objects.get(pk=world.scene.developer.pk).inactive


# --- Access ------------------------------------------------------------------------------


def ask(world: World) -> None:
    world.ask("entry")
    world.work(rows=20)


def is_asked_once(world: World) -> None:
    [record] = world.box.requests()
    request = KeyRequest.objects.get()
    assert (record["id"], record["approved"]) == (request.tyk_id, False)


def withdraw(world: World) -> None:
    for request in KeyRequest.objects.filter(status=KeyRequest.Status.PENDING):
        world.withdraw(request)
    world.work(rows=20)


def nothing_is_asked(world: World) -> None:
    assert world.box.requests() == []
    assert KeyRequest.objects.get().status == KeyRequest.Status.WITHDRAWN


def claim(world: World) -> None:
    world.claim(KeyRequest.objects.get())
    world.work(rows=20)


def replace(world: World) -> None:
    mine = Key.objects.filter(state=Key.State.LIVE, origin=Key.Origin.CLAIMED)
    for key in mine.order_by("pk")[:1]:
        world.replace(key, overlap=0)
    world.work(rows=20)


def get_a_key_in_hands(world: World) -> None:
    """Who saw no new key claims, or replaces the one that is listed."""
    if not _in_hands(world):
        claim(world)
    if not _in_hands(world):
        replace(world)


def _in_hands(world: World) -> list[str]:
    """New keys the person saw and that work."""
    return [seen.raw for seen in world.shown if world.box.gateway_accepts(seen.raw)]


def replace_again(world: World) -> None:
    if len(world.shown) < 2:
        replace(world)


def one_key_in_hands(world: World) -> None:
    assert len(world.keys_in_tyk()) == len(_in_hands(world)) == 1


def revoke(world: World) -> None:
    for key in Key.objects.filter(state=Key.State.LIVE):
        world.revoke(key)
    world.work(rows=20)


def no_key(world: World) -> None:
    assert world.keys_in_tyk() == []
    assert Key.objects.get().state == Key.State.REVOKED


def find_out(world: World) -> None:
    """A claim's answer was lost; the worker settles it once the quarantine is over."""
    world.pass_time(400)
    world.work(rows=20)


def two_keys_one_by_hand(world: World) -> None:
    [by_hand] = world.by_hand
    assert world.box.gateway_accepts(by_hand.raw)
    assert len(_in_hands(world)) == 1
    assert len(world.keys_in_tyk()) == 2


def claim_after_them(world: World) -> None:
    """Approved in the Dashboard a moment ago; then the owner asks for a new key."""
    if not world.by_hand:
        [record] = world.box.requests()
        world.approve_by_hand(record["id"])
    claim(world)
    claim(world)


def claim_after_them_again(world: World) -> None:
    # Those who are here are pulled every minute: the key made there is listed.
    world.pull("developers")
    if not _in_hands(world):
        claim(world)  # may only tell what happened there
    get_a_key_in_hands(world)


def _still_asked(world: World) -> None:
    request = KeyRequest.objects.filter(developer=world.scene.developer)
    if not request.exists():
        ask(world)


STORIES = [
    Story("confirm", "signed up", confirm, confirm, one_account),
    Story(
        "change password",
        "empty",
        change_password,
        change_it_if_it_is_old,
        password_is_new,
    ),
    Story(
        "reset",
        "reset asked",
        reset,
        reset,
        password_is_new_and_sessions_over,
    ),
    Story("switch off", "claimed", switch_off, switch_off, is_off),
    Story("ask", "empty", ask, _still_asked, is_asked_once),
    Story("ask, answered by text", "text", ask, _still_asked, is_asked_once),
    Story("withdraw", "asked", withdraw, withdraw, nothing_is_asked),
    Story("claim", "approved", claim, get_a_key_in_hands, one_key_in_hands),
    Story(
        "claim after them",
        "approved",
        claim_after_them,
        claim_after_them_again,
        two_keys_one_by_hand,
    ),
    Story("replace", "claimed", replace, replace_again, one_key_in_hands),
    Story("revoke", "claimed", revoke, revoke, no_key),
    Story("revoke a client", "client", revoke, revoke, no_key),
    Story("settle, made", "lost", find_out, get_a_key_in_hands, one_key_in_hands),
    Story("settle, not made", "broken", find_out, get_a_key_in_hands, one_key_in_hands),
]
