"""What people come to do, one story each, and what must be true at its end.

`act` is the person's click and the worker after it. `again` is what the same person
does when they come back after a breakdown: look, and do what is still to be done.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from catalogue.models import Plan
from developers import live as accounts, live_address, live_owner, services as people
from developers.models import Developer, MailedLink, ProfileEdit, SignUp, User
from keyrequests import acts, closing, services, staff
from keyrequests.errors import NotLive
from keyrequests.models import Key, KeyRequest, PolicyChange
from tests.reliability.mornings import MOVED, NEW, SESSIONS_HANG_ON, Start
from tests.reliability.world import SWEPT, World
from tyk.dashboard.secret import Secret
from tyk.models import Outbox

PASSWORD = Secret("an uncommon walrus")
OLD = Secret("correct horse")


@dataclass(frozen=True)
class Story:
    name: str
    morning: str
    act: Callable[[World], object]
    again: Callable[[World], object]
    ended_well: Callable[[World], object]
    answer_lost: str = ""  # the operation whose first answer never arrives

    def begin(self, start: Start) -> World:
        """The morning of this story."""
        world = start.again()
        if self.answer_lost:
            world.box.faults.add(self.answer_lost, mode="reset_after", times=1)
        return world


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


def look_at_the_twin(world: World) -> None:
    """The pull that read it rang the worker."""
    world.work(rows=20)


def twin_is_gone(world: World) -> None:
    [left] = [d["id"] for d in world.box.developers() if d["email"] == NEW]
    assert SignUp.objects.get().tyk_id == left, "the account in use stays"
    assert [d.tyk_id for d in Developer.objects.with_address(NEW)] == [left]


def change_password(world: World) -> None:
    developer = world.scene.developer
    world.living(
        lambda: live_owner.change_password(developer, current=OLD, new=PASSWORD)
    )


def change_it_if_it_is_old(world: World) -> None:
    if world.box.password_is(world.scene.developer.email, OLD.reveal()):
        change_password(world)


def password_is_new(world: World) -> None:
    assert world.box.password_is(world.scene.developer.email, PASSWORD.reveal())


def reset(world: World) -> None:
    link = MailedLink.objects.get(purpose=MailedLink.Purpose.RESET)
    world.living(lambda: accounts.reset(link, PASSWORD))


def reset_too_short(world: World) -> None:
    """Tyk refuses the password; the link must go on working."""
    link = MailedLink.objects.get(purpose=MailedLink.Purpose.RESET)
    world.living(lambda: accounts.reset(link, Secret("x")))


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


def sign_up(world: World) -> None:
    if not SignUp.objects.exists():
        world.living(lambda: people.sign_up(NEW, fields={}))
    world.work(rows=20)


def one_link_mailed(_world: World) -> None:
    signup = SignUp.objects.get()
    link = MailedLink.objects.get(signup=signup)
    assert link.digest, "the mail's link works"
    assert link.used_at is None


def ask_for_reset(world: World) -> None:
    if not MailedLink.objects.exists():
        world.living(lambda: people.ask_for_reset(world.scene.developer.email))
    world.work(rows=20)


def reset_link_mailed(world: World) -> None:
    link = MailedLink.objects.get(purpose=MailedLink.Purpose.RESET)
    assert (link.developer, link.used_at) == (world.scene.developer, None)
    assert link.digest, "the mail's link works"


def ask_for_new_address(world: World) -> None:
    mira = world.scene.developer
    if not MailedLink.objects.exists():
        world.living(lambda: people.ask_for_new_address(mira, address=MOVED))
    world.work(rows=20)


def address_link_mailed(world: World) -> None:
    link = MailedLink.objects.get(purpose=MailedLink.Purpose.NEW_ADDRESS)
    assert (link.email, link.old_email) == (MOVED, world.scene.developer.email)
    assert link.digest, "the mail's link works"


def edit_profile(world: World) -> None:
    wish = {"Name": "Mira Tal-Orr"}
    world.living(lambda: people.edit_profile(world.scene.developer, fields=wish))
    world.work(rows=20)


def edit_it_if_it_is_not_wished(world: World) -> None:
    if not ProfileEdit.objects.exists():
        edit_profile(world)


def has_the_new_name(world: World) -> None:
    record = world.box.developer(world.scene.developer.tyk_id)
    assert record["fields"] == {"Name": "Mira Tal-Orr"}
    assert len(record["keys"]) == 1, "the key is still listed"
    assert world.box.password_is(record["email"], OLD.reveal())
    assert ProfileEdit.objects.get().state == ProfileEdit.State.DONE
    assert Developer.objects.get(pk=world.scene.developer.pk).name == "Mira Tal-Orr"


def both_names_are_kept(world: World) -> None:
    record = world.box.developer(world.scene.developer.tyk_id)
    assert record["fields"] == {"Name": "Mira of Tyk"}
    [edit] = people.waiting_edits(world.scene.developer)
    assert edit.state == ProfileEdit.State.CONFLICT
    assert edit.after == {"fields.Name": "Mira Tal-Orr"}
    assert edit.theirs == {"fields.Name": "Mira of Tyk"}


def move(world: World) -> None:
    link = MailedLink.objects.get(purpose=MailedLink.Purpose.NEW_ADDRESS)
    world.living(lambda: live_address.change(link))
    world.work(rows=20)


def has_moved(world: World) -> None:
    record = world.box.developer(world.scene.developer.tyk_id)
    assert record["email"] == MOVED
    assert len(record["keys"]) == 1, "the key is still listed"
    assert Developer.objects.get(pk=world.scene.developer.pk).email == MOVED
    user = User.objects.get(developer=world.scene.developer)
    assert user.password != SESSIONS_HANG_ON
    told = Outbox.objects.get(kind="mail.address_changed")
    assert told.served == told.asked, "the old mailbox was told"


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


def change_request(world: World) -> None:
    request = KeyRequest.objects.get()
    if acts.may_amend(request):
        says = {"What you build": "Twelve bakeries"}
        world.living(lambda: acts.amend(request, answers=says))
    world.work(rows=20)


def is_asked_once_anew(world: World) -> None:
    is_asked_once(world)
    [record] = world.box.requests()
    assert record["fields"]["What you build"] == "Twelve bakeries"


def nothing_is_asked(world: World) -> None:
    assert world.box.requests() == []
    assert KeyRequest.objects.get().status == KeyRequest.Status.WITHDRAWN


def approve(world: World) -> None:
    for request in KeyRequest.objects.filter(status=KeyRequest.Status.PENDING):
        world.approve(request)
    world.work(rows=20)


def is_approved(world: World) -> None:
    request = KeyRequest.objects.get()
    assert request.status == KeyRequest.Status.APPROVED
    assert world.keys_in_tyk() == [], "the key waits for its owner"
    told = Outbox.objects.get(kind="mail.approved")
    assert told.served == told.asked, "the developer was told"


def decline(world: World) -> None:
    for request in KeyRequest.objects.filter(status=KeyRequest.Status.PENDING):
        world.decline(request)
    world.work(rows=20)


def is_declined(world: World) -> None:
    assert world.box.requests() == []
    assert KeyRequest.objects.get().status == KeyRequest.Status.DECLINED


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


def report_leak(world: World) -> None:
    """It ends, and its owner has another one; who comes again goes on from there."""
    key = Key.objects.order_by("pk").select_related("developer", "request")[0]
    with suppress(NotLive):
        world.living(lambda: acts.report_leak(key))
    key.refresh_from_db()
    if services.is_owed(key):
        world.replace(key, overlap=0)
    world.work(rows=20)


def old_one_ended_and_staff_were_told(world: World) -> None:
    key = Key.objects.order_by("pk")[0]
    assert key.state == Key.State.REVOKED
    told = Outbox.objects.get(kind="mail.key_leaked")
    assert told.served == told.asked, "staff were told"


def ask_to_be_told(world: World) -> None:
    request = KeyRequest.objects.get()
    if not Outbox.objects.filter(kind=acts.BACK).exists():
        world.living(lambda: acts.tell_when_back(request))
    world.work(rows=20)


def told_that_it_is_back(_world: World) -> None:
    row = Outbox.objects.get(kind=acts.BACK)
    assert row.served == row.asked, "the developer was told"


def one_key_in_hands(world: World) -> None:
    assert len(world.keys_in_tyk()) == len(_in_hands(world)) == 1


def give(world: World) -> None:
    """Staff give access unasked."""
    if not KeyRequest.objects.exists():
        scene = world.scene
        assert scene.entry.plan is not None
        plan, entry, by = scene.entry.plan, scene.entry, scene.reviewer
        world.living(
            lambda: staff.grant(
                scene.developer, plan=plan, entry=entry, by=by, nonce=UUID(int=7)
            )
        )
    world.work(rows=20)


def is_given_once(world: World) -> None:
    is_asked_once(world)
    is_approved(world)


def _other_plan(world: World) -> Plan:
    assert world.scene.automatic.plan is not None
    return world.scene.automatic.plan


def wish_other_plan(world: World) -> None:
    key = Key.objects.select_related("developer", "request").get()
    plans, seen = [_other_plan(world)], staff.policies_of(key)
    by = world.scene.reviewer
    world.living(lambda: staff.change_plans(key, plans=plans, seen=seen, by=by))


def change_plan(world: World) -> None:
    if not PolicyChange.objects.exists():
        wish_other_plan(world)
    world.work(rows=20)


def has_other_plan(world: World) -> None:
    policy = _other_plan(world).oid
    record = world.box.developer(world.scene.developer.tyk_id)
    assert list(record["keys"].values()) == [[policy]]
    assert staff.policies_of(Key.objects.get()) == [policy]
    assert PolicyChange.objects.get().state == PolicyChange.State.DONE


def spend(world: World) -> None:
    """Most of the quota is used up."""
    [key] = world.keys_in_tyk()
    store = world.box.world.store
    store.put("keys", key.id, {**(store.get("keys", key.id) or {}), "spent": 9_999})


def ask_for_whole_quota(world: World) -> None:
    spend(world)
    key = Key.objects.select_related("developer", "request").get()
    world.living(lambda: staff.reset_quota(key, by=world.scene.reviewer))


def reset_quota(world: World) -> None:
    if not Outbox.objects.filter(kind="key.quota").exists():
        ask_for_whole_quota(world)
    world.work(rows=20)


def quota_is_whole(world: World) -> None:
    [key] = world.keys_in_tyk()
    assert "spent" not in (world.box.world.store.get("keys", key.id) or {})
    verbs = Key.objects.get().events.values_list("verb", flat=True)
    assert "quota_reset" in verbs, "the time line says so"


def revoke(world: World) -> None:
    for key in Key.objects.filter(state=Key.State.LIVE):
        world.revoke(key)
    world.work(rows=20)


def no_key(world: World) -> None:
    assert world.keys_in_tyk() == []
    assert Key.objects.get().state == Key.State.REVOKED


def close_account(world: World) -> None:
    """With a working key, and another request in review."""
    # Not the scene's own: what is noted on it would outlive this course.
    developer = Developer.objects.get(pk=world.scene.developer.pk)
    if developer.closed_at is None and KeyRequest.objects.count() < 2:
        world.ask("automatic")
    world.living(lambda: closing.close(developer))
    for key in Key.objects.filter(developer=world.scene.developer):
        world._give_up(key)
    for _turn in range(3):
        world.work(rows=20)
        world.pass_time(400)


def account_is_closed(world: World) -> None:
    developer = Developer.objects.get(pk=world.scene.developer.pk)
    assert developer.erased_at is not None
    assert developer.email == ""
    assert world.keys_in_tyk() == []
    assert world.box.world.store.get("developers", developer.tyk_id) is None
    assert not User.objects.filter(developer=developer).exists()
    told = Outbox.objects.get(kind="mail.account_closed")
    assert told.served == told.asked, "the mailbox was told"


def find_out(world: World) -> None:
    """A claim's answer was lost; the worker settles it once the quarantine is over."""
    world.pass_time(400)
    world.work(rows=20)


def find_out_delivery(world: World) -> None:
    """The lease is over before the quarantine is; then nothing stands in the way."""
    world.pass_time(70)
    world.work(rows=20)
    find_out(world)


def sweep(world: World) -> None:
    """What the beat does every hour, beside people."""
    for kind in SWEPT:
        world.pull(kind)


def what_they_made_is_found(world: World) -> None:
    [by_hand] = world.by_hand
    assert world.box.gateway_accepts(by_hand.raw)
    assert Key.objects.get().origin == Key.Origin.FOUND
    assert KeyRequest.objects.get().status == KeyRequest.Status.GRANTED


def two_keys_one_by_hand(world: World) -> None:
    [by_hand] = world.by_hand
    assert world.box.gateway_accepts(by_hand.raw)
    assert len(_in_hands(world)) == 1
    assert len(world.keys_in_tyk()) == 2


def claim_after_them(world: World) -> None:
    """Approved in the Dashboard a moment ago; then the owner asks for a new key."""
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
    Story("sign up", "empty", sign_up, sign_up, one_link_mailed),
    Story("confirm", "signed up", confirm, confirm, one_account),
    Story("remove a twin", "twin", look_at_the_twin, look_at_the_twin, twin_is_gone),
    Story(
        "change password",
        "empty",
        change_password,
        change_it_if_it_is_old,
        password_is_new,
    ),
    Story("ask for reset", "empty", ask_for_reset, ask_for_reset, reset_link_mailed),
    Story(
        "reset",
        "reset asked",
        reset,
        reset,
        password_is_new_and_sessions_over,
    ),
    Story(
        "reset, refused",
        "reset asked",
        reset_too_short,
        reset,
        password_is_new_and_sessions_over,
    ),
    Story("switch off", "claimed", switch_off, switch_off, is_off),
    Story(
        "edit profile",
        "claimed",
        edit_profile,
        edit_it_if_it_is_not_wished,
        has_the_new_name,
    ),
    Story(
        "edit after them",
        "renamed there",
        edit_profile,
        edit_it_if_it_is_not_wished,
        both_names_are_kept,
    ),
    Story(
        "ask for new address",
        "empty",
        ask_for_new_address,
        ask_for_new_address,
        address_link_mailed,
    ),
    Story("new address", "address asked", move, move, has_moved),
    Story("ask", "empty", ask, _still_asked, is_asked_once),
    Story("ask, answered by text", "text", ask, _still_asked, is_asked_once),
    Story("withdraw", "asked", withdraw, withdraw, nothing_is_asked),
    Story("approve", "asked", approve, approve, is_approved),
    Story(
        "change request", "asked", change_request, change_request, is_asked_once_anew
    ),
    Story(
        "change request, answer lost",
        "asked",
        change_request,
        change_request,
        is_asked_once_anew,
        answer_lost="createKeyRequest",
    ),
    Story(
        "report leak",
        "claimed",
        report_leak,
        report_leak,
        old_one_ended_and_staff_were_told,
    ),
    Story(
        "told when back",
        "approved",
        ask_to_be_told,
        ask_to_be_told,
        told_that_it_is_back,
    ),
    Story("decline", "asked", decline, decline, is_declined),
    Story("claim", "approved", claim, get_a_key_in_hands, one_key_in_hands),
    Story(
        "claim after them",
        "approved there",
        claim_after_them,
        claim_after_them_again,
        two_keys_one_by_hand,
    ),
    Story("replace", "claimed", replace, replace_again, one_key_in_hands),
    Story("revoke", "claimed", revoke, revoke, no_key),
    Story("close", "claimed", close_account, close_account, account_is_closed),
    Story("give", "empty", give, give, is_given_once),
    Story("change plan", "claimed", change_plan, change_plan, has_other_plan),
    Story(
        "change plan, answer lost",
        "claimed",
        change_plan,
        change_plan,
        has_other_plan,
        answer_lost="changeDeveloperKey",
    ),
    Story("reset quota", "claimed", reset_quota, reset_quota, quota_is_whole),
    Story(
        "claim, answer lost",
        "approved",
        claim,
        get_a_key_in_hands,
        one_key_in_hands,
        answer_lost="approveKeyRequest",
    ),
    Story(
        "ask, answer lost",
        "empty",
        ask,
        _still_asked,
        is_asked_once,
        answer_lost="createKeyRequest",
    ),
    Story(
        "edit, answer lost",
        "claimed",
        edit_profile,
        edit_it_if_it_is_not_wished,
        has_the_new_name,
        answer_lost="updateDeveloper",
    ),
    Story(
        "confirm, answer lost",
        "signed up",
        confirm,
        confirm,
        one_account,
        answer_lost="createDeveloper",
    ),
    Story("revoke a client", "client", revoke, revoke, no_key),
    Story(
        "delivery, made", "died sending", find_out_delivery, _still_asked, is_asked_once
    ),
    Story(
        "delivery, not made",
        "away sending",
        find_out_delivery,
        _still_asked,
        is_asked_once,
    ),
    Story("sweep after them", "approved there", sweep, sweep, what_they_made_is_found),
    Story("settle, made", "lost", find_out, get_a_key_in_hands, one_key_in_hands),
    Story("settle, not made", "broken", find_out, get_a_key_in_hands, one_key_in_hands),
]
