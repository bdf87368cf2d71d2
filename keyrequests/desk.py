"""Requests, claims and keys on the operators' desk: words, links, and giving up."""

from collections.abc import Collection, Mapping
from typing import cast

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from developers.models import User
from keyrequests import services
from keyrequests.errors import AccessError
from keyrequests.models import Event, Key, KeyRequest, Mint
from keyrequests.wishes import PolicyChange
from tyk import lanes, outbox
from tyk.desk import Abandonment, About, CannotAbandon, Work, always, codes

Status = KeyRequest.Status
SEE_REQUEST, SEE_KEY = "keyrequests.view_keyrequest", "keyrequests.view_key"
DECIDE = "keyrequests.change_keyrequest"


# --- What rows are about -------------------------------------------------------------
def things(subjects: Collection[str]) -> Mapping[str, About]:
    """Key requests, keys, and the requests of mints, whichever has the code.

    After a code a subject may have a space and days. At most three queries.
    """
    code_of = {subject: subject.partition(" ")[0] for subject in subjects}
    known: dict[str, About] = {}
    for find in (_requests, _keys, _mints):
        left = set(code_of.values()) - known.keys()
        known |= find(left) if left else {}
    return {s: known[code] for s, code in code_of.items() if code in known}


def _requests(subjects: Collection[str]) -> dict[str, About]:
    rows = KeyRequest.objects.filter(code__in=codes(subjects))
    return {str(row.code): _request(row) for row in rows}


def _mints(subjects: Collection[str]) -> dict[str, About]:
    rows = Mint.objects.filter(code__in=codes(subjects)).select_related("request")
    return {str(row.code): _request(row.request) for row in rows}


def _keys(subjects: Collection[str]) -> dict[str, About]:
    """Without their sealed ids."""
    rows = Key.objects.filter(code__in=codes(subjects)).defer("sealed_id")
    return {
        str(row.code): About(
            words=f"key {row}",
            right=SEE_KEY,
            otherwise="a key",
            url=reverse("admin:keyrequests_key_change", args=[row.pk]),
        )
        for row in rows
    }


def _request(row: KeyRequest) -> About:
    return About(
        words=str(row),
        right=SEE_REQUEST,
        otherwise="a request",
        url=reverse("admin:keyrequests_keyrequest_change", args=[row.pk]),
    )


# --- Sending a request ------------------------------------------------------------------
def _undelivered(subject: str) -> KeyRequest | None:
    """The request, if it is open and not known to have reached Tyk."""
    row = KeyRequest.objects.filter(code__in=codes([subject]), tyk_id=None).first()
    return row if row is not None and row.is_open else None


def leaves_create(subject: str) -> str:
    row = _undelivered(subject)
    if row is None:
        return (
            "Nothing changes for the developer. Should Tyk hold a second copy of the "
            "request, it stays there."
        )
    late = (
        "If the request did reach Tyk after all, the next pull finds it there and "
        "takes it back."
    )
    if row.status == Status.PENDING:
        return (
            f"{row.number} is declined, with your sentence as the reason: its developer "
            f"reads it in a mail and on the request, and can ask again. {late}"
        )
    return (
        f"The approval of {row.number} ends and shows as lapsed: no key can be claimed "
        f"for it, no mail is sent, and the developer can ask again. {late}"
    )


def undo_create(act: Abandonment) -> None:
    """A request that will not be sent must not look as if it were on its way."""
    row = _undelivered(act.subject)
    if row is None:
        return
    # To end a request or an approval is to decide about it.
    if not cast(User, act.by).has_perm(DECIDE):
        raise CannotAbandon(
            f"Giving this up decides {row.number}, and you may not decide requests. "
            "Ask a reviewer."
        )
    if row.status == Status.PENDING:
        try:
            services.decline(row, by=cast(User, act.by), reason=act.reason)
        except AccessError as refusal:
            raise CannotAbandon(str(refusal)) from None
    elif row.move(Status.LAPSED):
        services.note(
            Event.Verb.LAPSED, request=row, actor=str(act.by), text=act.reason
        )
        services.take_back_in_tyk(row)


# --- Taking a request back ----------------------------------------------------------------
def leaves_delete(subject: str) -> str:
    return (
        "The request stays in Tyk, not approved. Here it stays as it is. Whoever "
        "approves it in the Tyk Dashboard makes a key all the same: delete it there."
    )


def undo_delete(act: Abandonment) -> None:
    row = KeyRequest.objects.filter(code__in=codes([act.subject])).first()
    if row is not None:
        _trail(act, "taking it back in Tyk was abandoned", request=row)


# --- Claims -------------------------------------------------------------------------------
def leaves_settle(subject: str) -> str:
    mint = Mint.objects.filter(code__in=codes([subject])).first()
    if mint is None or mint.state in {Mint.State.LOST, Mint.State.REFUSED}:
        return (
            "The claim ended already. Should its own request still wait in Tyk, it "
            "stays there: delete it in the Tyk Dashboard."
        )
    if mint.state == Mint.State.SHOWN:
        return (
            "The key was shown and works. Its id is never read: nobody can revoke or "
            "replace it here, and it shows no usage."
        )
    return (
        "The claim ends as lost and the developer can claim again at once. A key that "
        "was made all the same is looked for during a day; what can't be proved to be "
        "ours stays live, listed as found."
    )


def undo_settle(act: Abandonment) -> None:
    """The claim must not say "we are checking" for ever. The audit still looks."""
    mint = (
        Mint.objects.filter(code__in=codes([act.subject]))
        .select_related("request__developer")
        .first()
    )
    if mint is None:
        return
    ended = Mint.objects.filter(pk=mint.pk, state__in=services.UNFINISHED).update(
        state=Mint.State.LOST, ended_at=timezone.now()
    )
    if not ended:
        return
    services.note(
        Event.Verb.SETTLED,
        request=mint.request,
        actor=str(act.by),
        text=f"given up: {act.reason}",
    )
    outbox.enqueue(
        "mint.audit",
        mint.code,
        lane=lanes.for_developer(mint.request.developer.tyk_id),
        after=settings.OUTBOX_QUARANTINE,
    )


# --- Keys ---------------------------------------------------------------------------------
def leaves_revoke(subject: str) -> str:
    key = Key.objects.filter(code__in=codes([subject])).defer("sealed_id").first()
    if key is None or not key.works:
        return "The key has ended already. Nothing changes."
    return (
        "The key stays live: calls with it go on working. It shows as active again, "
        "and its owner or you can revoke it once more. No mail is sent."
    )


def undo_revoke(act: Abandonment) -> None:
    """A key whose end was given up must not look as if it were ending."""
    key = Key.objects.filter(code__in=codes([act.subject])).defer("sealed_id").first()
    if key is None:
        return
    states = [Key.State.LIVE, Key.State.REVOKING]
    kept = Key.objects.filter(pk=key.pk, state__in=states).update(
        state=Key.State.LIVE, ends_at=None
    )
    if kept:
        _trail(act, "revoking was abandoned, the key stays live", key=key)


def undo_policies(act: Abandonment) -> None:
    """A change of plans nobody makes must not look as if it were on its way."""
    key = Key.objects.filter(code__in=codes([act.subject])).defer("sealed_id").first()
    if key is None:
        return
    dropped = PolicyChange.objects.filter(key=key, state=PolicyChange.State.DUE).update(
        state=PolicyChange.State.DROPPED, ended_at=timezone.now()
    )
    if dropped:
        _trail(act, "changing the plan was abandoned", key=key)


def undo_quota(act: Abandonment) -> None:
    key = Key.objects.filter(code__in=codes([act.subject])).defer("sealed_id").first()
    if key is not None:
        _trail(act, "resetting the quota was abandoned", key=key)


def _trail(
    act: Abandonment,
    what: str,
    *,
    request: KeyRequest | None = None,
    key: Key | None = None,
) -> None:
    services.note(
        Event.Verb.REFUSED,
        request=request or (key.request if key else None),
        key=key,
        actor=str(act.by),
        text=f"{what}: {act.reason}",
    )


# --- The table ----------------------------------------------------------------------------
def _mail(words: str, leaves: str) -> Work:
    return Work(
        words=f"Mail: {words}",
        does="Writes the mail from today's rows and hands it to the mail server.",
        about=things,
        leaves=always(leaves),
    )


WORK = {
    "request.create": Work(
        words="Send a request to Tyk",
        does="Makes the request in Tyk once, with our marker, and keeps its id.",
        about=things,
        leaves=leaves_create,
        undo=undo_create,
        looks=True,
    ),
    "request.delete": Work(
        words="Take a request back in Tyk",
        does="Deletes the declined, withdrawn or lapsed request in Tyk. Doing it "
        "twice does no harm.",
        about=things,
        leaves=leaves_delete,
        undo=undo_delete,
    ),
    "request.amend": Work(
        words="Change a request in Tyk",
        does="Makes the request once more with what it says now, and deletes the one "
        "it takes the place of. Nothing is sent if Tyk holds it already.",
        about=things,
        leaves=always(
            "Tyk goes on holding what the request said before. Here it says what its "
            "developer changed, and it can be decided: a key claimed then is made of "
            "what Tyk holds."
        ),
        looks=True,
    ),
    "mint.settle": Work(
        words="Find out what became of a claim",
        does="Reads the developer in Tyk and removes a key that is provably ours "
        "and was shown to nobody.",
        about=things,
        leaves=leaves_settle,
        undo=undo_settle,
        looks=True,
        settles=True,
    ),
    "mint.audit": Work(
        words="Look for a late key",
        does="For a day looks whether a lost claim made a key after all, and removes "
        "it if nobody can have seen it.",
        about=things,
        leaves=always(
            "Nobody looks any more whether this claim made a key late. Such a key "
            "would live on, listed as found."
        ),
        looks=True,
        settles=True,
    ),
    "key.revoke": Work(
        words="Revoke a key in Tyk",
        does="Deletes the key in Tyk; “not there” is success. Doing it twice does no "
        "harm.",
        about=things,
        leaves=leaves_revoke,
        undo=undo_revoke,
    ),
    "key.policies": Work(
        words="Change the plan of a key in Tyk",
        does="Reads what Tyk holds, and replaces the key's policies unless somebody "
        "changed them there meanwhile. The key itself stays the same.",
        about=things,
        leaves=always(
            "The key keeps the plan that Tyk holds, and goes on working. If the "
            "change did reach Tyk after all, drift shows it."
        ),
        undo=undo_policies,
        looks=True,
    ),
    "key.quota": Work(
        words="Reset a quota in Tyk",
        does="Gives the key its whole quota again. Doing it twice does no harm.",
        about=things,
        leaves=always("The key keeps the quota that is left. It goes on working."),
        undo=undo_quota,
    ),
    "mail.request_received": _mail(
        "we have your request",
        "The developer gets no mail that we have the request. It stands on their page.",
    ),
    "mail.approval_reminder": _mail(
        "access waits to be claimed",
        "The developer is not reminded. The approval stays on their page.",
    ),
    "mail.to_review": _mail(
        "a request to review",
        "Reviewers get no mail about this request. It stands in the queue.",
    ),
    "mail.approved": _mail(
        "approved, claim your key",
        "The developer gets no mail that access is approved. The request page says it, "
        "and the key can be claimed there.",
    ),
    "mail.declined": _mail(
        "declined",
        "The developer gets no mail that the request was declined. The request page "
        "says it, with the reason.",
    ),
    "mail.granted_in_tyk": _mail(
        "approved in the Tyk Dashboard",
        "The developer gets no mail about it. The request page says it.",
    ),
    "mail.key_revoked": _mail(
        "a key was revoked",
        "The owner gets no mail that the key has ended. The key's page says it.",
    ),
    "mail.key_leaked": _mail(
        "a key leaked",
        "Reviewers get no mail about it. The key's time line says it.",
    ),
    "mail.quota": _mail(
        "a quota is nearly used",
        "The owner gets no mail about the quota. The key's page says it.",
    ),
    "mail.service_back": Work(
        words="Mail: the key service is back",
        does="Asks the Dashboard for one record; when it answers, tells the developer "
        "who asked for that.",
        about=things,
        leaves=always("The developer is not told. The button on the page works."),
    ),
}
