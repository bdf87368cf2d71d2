"""What somebody must be told when a call of their click goes wrong, row by row.

One row is one call of one visit. A column is what is known of the call: of a read,
done or not (a refusal to look is no look), and "no such thing" where Tyk says so; of a
write also whether Tyk took it, because the next look may tell.
"""

from dataclasses import dataclass

from tests.reliability.faults import ABSENT, AWAY, DONE, NO, REFUSED, YES, Fault
from tests.reliability.visits import (
    APPROVE,
    ASK_TYK,
    CREATE,
    DETAIL,
    FIND,
    LIST,
    PUT,
    READ,
    REQUEST,
    SET,
    VERIFY,
    WRITES,
)


@dataclass(frozen=True)
class Told:
    """The page (`words` of it, or where it sends to) and our rows, in a few words."""

    status: int
    words: str
    kept: str


# --- Pages -----------------------------------------------------------------------------
SIGNED_IN = Told(302, "/catalogue/", "signed in")
NOT_NOW = Told(503, "Login is not available right now", "signed out")
MISTYPED = Told(200, "E-mail or password is not right", "signed out")

NOT_MADE = Told(503, "Your account could not be made right now", "link open, waiting")
NOT_SENT = Told(503, "Your account could not be made right now", "link open, sending")
MADE = Told(302, "/catalogue/", "link used, done")
MADE_UNREAD = Told(302, "/login/", "link used, done")
PASSWORD_NO = Told(200, "Choose another password", "link open, waiting")
AGAIN_PASSWORD_NO = Told(200, PASSWORD_NO.words, "link open, sending")
UNCLEAR = Told(503, "We could not find out whether that worked", "link open, sending")
KEPT_WAITING = Told(200, "Choose another password", "link open, waiting")
UNCLEAR_WAITING = Told(503, UNCLEAR.words, "link open, waiting")

_OPEN, _USED = "link open, sessions go on", "link used, sessions ended"
NOT_RESET = Told(503, "Your password was not changed", _OPEN)
RESET_NO = Told(200, "Choose another password", _OPEN)
RESET_UNCLEAR = Told(503, UNCLEAR.words, _OPEN)
IS_RESET = Told(302, "/login/", _USED)
LINK_OVER = Told(410, "", _OPEN)

NOT_CHANGED = Told(503, "Your password was not changed", "sessions go on")
CHANGE_NO = Told(200, "Choose another password", "sessions go on")
CHANGE_UNCLEAR = Told(503, UNCLEAR.words, "sessions go on")
CHANGED = Told(302, "/account/", "sessions ended")
NOT_CURRENT = Told(200, "The current password is not right", "sessions go on")
IS_GONE = Told(200, "This account does not exist any more", "sessions go on")

NOT_CLOSED = Told(503, "Your account was not closed", "sessions go on")
CLOSED = Told(302, "/account/closed/", "closed")

NOT_ASKED = Told(503, "Your address was not changed", "no mail")
ASKED = Told(302, "/account/", "mail on its way")
ASKED_WRONG = Told(200, NOT_CURRENT.words, "no mail")
NOT_MOVED = Told(503, "Your address was not changed", _OPEN)
MOVE_NO = Told(200, "did not accept this address", _OPEN)
MOVE_UNCLEAR = Told(503, UNCLEAR.words, _OPEN)
IS_MOVED = Told(302, "/login/", _USED)

_NO_KEY = "No key was made and none was used up"
_CHECKING = "We are checking whether a key was made"
NOT_BEGUN = Told(503, _NO_KEY, "no mint")
NO_KEY = Told(503, _NO_KEY, "refused")
KEY = Told(200, "Copy it now", "shown")
KEY_NO = Told(302, "The gateway refuses a key for this plan", "refused")
KEY_UNSURE = Told(503, _CHECKING, "unsure")
THERE = Told(503, "Approved in the gateway dashboard", "refused")
THERE_UNREAD = Told(503, "No key for", "refused")
AGAIN_NOT_BEGUN = Told(503, _NO_KEY, "lost")
AGAIN_NOT = Told(503, _NO_KEY, "lost, refused")
AGAIN_KEY = Told(200, KEY.words, "lost, shown")
AGAIN_NO = Told(302, "The gateway refuses a key for this plan", "lost, refused")
AGAIN_UNSURE = Told(503, _CHECKING, "lost, unsure")
OLD_STAYS = Told(503, "Your key was not replaced", "shown")
NOT_REPLACED = Told(503, OLD_STAYS.words, "shown, refused")
REPLACED = Told(200, KEY.words, "shown, shown")
REPLACE_NO = Told(302, AGAIN_NO.words, "shown, refused")
REPLACE_UNSURE = Told(503, _CHECKING, "shown, unsure")
OWED = Told(503, "You get the new one then", "shown")
OWED_NOT = Told(503, OWED.words, "shown, refused")

#: Only the first read of an account could be told so, and it would be Tyk's lie: the
#: record is there. Nobody can see through that.
TYKS_LIE = None
SAME = "as if nothing had happened"

# fmt: off
#: visit, call, which of them        done        no answer        no such thing
READS: dict[tuple[str, str, int], tuple[Told, Told, Told | None]] = {
    ("log in", VERIFY, 1):                      (SIGNED_IN, NOT_NOW, NOT_NOW),
    # Not under the id we know: deleted and made again, so it is found by address.
    ("log in", READ, 1):                        (SIGNED_IN, NOT_NOW, SIGNED_IN),
    ("log in for the first time", VERIFY, 1):   (SIGNED_IN, NOT_NOW, NOT_NOW),
    ("log in for the first time", FIND, 1):     (SIGNED_IN, NOT_NOW, NOT_NOW),
    ("log in, mistyped", VERIFY, 1):            (MISTYPED, NOT_NOW, NOT_NOW),
    ("log in, mistyped", "getPortalConfiguration", 1): (MISTYPED, NOT_NOW, NOT_NOW),
    ("confirm", FIND, 1):                       (MADE, NOT_MADE, MADE),
    ("confirm", READ, 1):                       (MADE, MADE_UNREAD, MADE_UNREAD),
    ("confirm, answer lost", FIND, 1):          (MADE, NOT_MADE, MADE),
    ("confirm, answer lost", FIND, 2):          (MADE, UNCLEAR, MADE),
    ("confirm, answer lost", VERIFY, 1):        (MADE, UNCLEAR, UNCLEAR),
    ("confirm, answer lost", READ, 1):          (MADE, MADE_UNREAD, MADE_UNREAD),
    ("confirm once more", FIND, 1):             (MADE, NOT_SENT, MADE),
    ("confirm once more", READ, 1):             (MADE, MADE_UNREAD, MADE_UNREAD),
    ("take over", FIND, 1):                     (MADE, NOT_MADE, TYKS_LIE),
    ("take over", READ, 1):                     (MADE, MADE_UNREAD, MADE_UNREAD),
    ("reset", READ, 1):                         (IS_RESET, NOT_RESET, LINK_OVER),
    ("reset", READ, 2):                         (IS_RESET, IS_RESET, IS_RESET),
    ("reset, answer lost", READ, 1):            (IS_RESET, NOT_RESET, LINK_OVER),
    ("reset, answer lost", VERIFY, 1):          (IS_RESET, RESET_UNCLEAR, RESET_UNCLEAR),
    ("reset, answer lost", READ, 2):            (IS_RESET, IS_RESET, IS_RESET),
    ("change password", VERIFY, 1):             (CHANGED, NOT_CHANGED, NOT_CHANGED),
    ("change password", READ, 1):               (CHANGED, NOT_CHANGED, CHANGED),
    ("change password", READ, 2):               (CHANGED, NOT_CHANGED, IS_GONE),
    ("change password", READ, 3):               (CHANGED, CHANGED, CHANGED),
    ("ask for a new address", VERIFY, 1):       (ASKED, NOT_ASKED, NOT_ASKED),
    ("ask for a new address", READ, 1):         (ASKED, NOT_ASKED, ASKED),
    ("close the account", VERIFY, 1):           (CLOSED, NOT_CLOSED, NOT_CLOSED),
    ("close the account", READ, 1):             (CLOSED, NOT_CLOSED, CLOSED),
    ("use a new address", READ, 1):             (IS_MOVED, NOT_MOVED, LINK_OVER),
    ("use a new address", FIND, 1):             (IS_MOVED, NOT_MOVED, IS_MOVED),
    ("use a new address", READ, 2):             (IS_MOVED, NOT_MOVED, LINK_OVER),
    ("use a new address", READ, 3):             (IS_MOVED, IS_MOVED, IS_MOVED),
    ("new address, answer lost", READ, 1):      (IS_MOVED, NOT_MOVED, LINK_OVER),
    ("new address, answer lost", FIND, 1):      (IS_MOVED, NOT_MOVED, IS_MOVED),
    ("new address, answer lost", READ, 2):      (IS_MOVED, NOT_MOVED, LINK_OVER),
    ("new address, answer lost", READ, 3):      (IS_MOVED, MOVE_UNCLEAR, MOVE_UNCLEAR),
    ("new address, answer lost", READ, 4):      (IS_MOVED, IS_MOVED, IS_MOVED),
    ("claim", READ, 1):                         (KEY, NOT_BEGUN, NOT_BEGUN),
    # Made, so it is shown: which id it has can be read later.
    ("claim", READ, 2):                         (KEY, KEY, KEY),
    ("claim", DETAIL, 1):                       (KEY, KEY, KEY),
    ("claim after a lost one", READ, 1):        (AGAIN_KEY, AGAIN_NOT_BEGUN, AGAIN_NOT_BEGUN),
    ("claim after a lost one", READ, 2):        (AGAIN_KEY, AGAIN_KEY, AGAIN_KEY),
    ("claim after a lost one", DETAIL, 1):      (AGAIN_KEY, AGAIN_KEY, AGAIN_KEY),
    ("claim, found by marker", READ, 1):        (AGAIN_KEY, AGAIN_NOT_BEGUN, AGAIN_NOT_BEGUN),
    ("claim, found by marker", LIST, 1):        (AGAIN_KEY, AGAIN_NOT, AGAIN_NO),
    ("claim, found by marker", READ, 2):        (AGAIN_KEY, AGAIN_KEY, AGAIN_KEY),
    ("claim, found by marker", DETAIL, 1):      (AGAIN_KEY, AGAIN_KEY, AGAIN_KEY),
    ("claim what was approved there", READ, 1): (THERE, NOT_BEGUN, NOT_BEGUN),
    ("claim what was approved there", REQUEST, 1): (THERE, NO_KEY, NO_KEY),
    ("claim what was approved there", READ, 2): (THERE, THERE_UNREAD, THERE_UNREAD),
    ("replace", READ, 1):                       (REPLACED, OLD_STAYS, OLD_STAYS),
    ("replace", READ, 2):                       (REPLACED, REPLACED, REPLACED),
    ("replace", DETAIL, 1):                     (REPLACED, REPLACED, REPLACED),
    # The first look is only for a key that Tyk ended: without an answer all goes on.
    ("it leaked", READ, 1):                     (REPLACED, REPLACED, REPLACED),
    ("it leaked", READ, 2):                     (REPLACED, OWED, OWED),
    ("it leaked", READ, 3):                     (REPLACED, REPLACED, REPLACED),
    ("it leaked", DETAIL, 1):                   (REPLACED, REPLACED, REPLACED),
}

#: visit, call     done       not done      refused     no such thing  unknown     and taken
WRITTEN: dict[tuple[str, str], tuple[Told, Told, Told, Told, Told, Told]] = {
    ("confirm", CREATE):
        (MADE, NOT_SENT, PASSWORD_NO, NOT_SENT, UNCLEAR, MADE),
    ("confirm once more", SET):
        (MADE, NOT_SENT, AGAIN_PASSWORD_NO, NOT_SENT, UNCLEAR, MADE),
    ("take over", SET):
        (MADE, NOT_MADE, KEPT_WAITING, NOT_MADE, UNCLEAR_WAITING, MADE),
    ("reset", SET):
        (IS_RESET, NOT_RESET, RESET_NO, NOT_RESET, RESET_UNCLEAR, IS_RESET),
    ("change password", SET):
        (CHANGED, NOT_CHANGED, CHANGE_NO, NOT_CHANGED, CHANGE_UNCLEAR, CHANGED),
    ("use a new address", PUT):
        (IS_MOVED, NOT_MOVED, MOVE_NO, NOT_MOVED, MOVE_UNCLEAR, IS_MOVED),
    # A key that nobody saw is never taken for success.
    ("claim", APPROVE):
        (KEY, NO_KEY, KEY_NO, KEY_NO, KEY_UNSURE, KEY_UNSURE),
    ("claim after a lost one", ASK_TYK):
        (AGAIN_KEY, AGAIN_NOT, AGAIN_NO, AGAIN_NO, AGAIN_UNSURE, AGAIN_UNSURE),
    ("claim after a lost one", APPROVE):
        (AGAIN_KEY, AGAIN_NOT, AGAIN_NO, AGAIN_NO, AGAIN_UNSURE, AGAIN_UNSURE),
    ("claim, found by marker", ASK_TYK):
        (AGAIN_KEY, AGAIN_NOT, AGAIN_NO, AGAIN_NO, AGAIN_UNSURE, AGAIN_UNSURE),
    ("claim, found by marker", APPROVE):
        (AGAIN_KEY, AGAIN_NOT, AGAIN_NO, AGAIN_NO, AGAIN_UNSURE, AGAIN_UNSURE),
    ("claim what was approved there", APPROVE):
        (THERE, NO_KEY, THERE, THERE, KEY_UNSURE, KEY_UNSURE),
    ("replace", ASK_TYK):
        (REPLACED, NOT_REPLACED, REPLACE_NO, REPLACE_NO, REPLACE_UNSURE, REPLACE_UNSURE),
    ("replace", APPROVE):
        (REPLACED, NOT_REPLACED, REPLACE_NO, REPLACE_NO, REPLACE_UNSURE, REPLACE_UNSURE),
    ("it leaked", ASK_TYK):
        (REPLACED, OWED_NOT, REPLACE_NO, REPLACE_NO, REPLACE_UNSURE, REPLACE_UNSURE),
    ("it leaked", APPROVE):
        (REPLACED, OWED_NOT, REPLACE_NO, REPLACE_NO, REPLACE_UNSURE, REPLACE_UNSURE),
}

#: What one fault means at one call, and nowhere else.
OTHERWISE: dict[tuple[str, str, int, str], Told] = {
    # Tyk answers a wrong password so, and our key is fine: nobody can tell them apart.
    **{(visit, VERIFY, 1, name): told
       for visit, told in {"log in": MISTYPED, "log in for the first time": MISTYPED,
                           "log in, mistyped": MISTYPED, "change password": NOT_CURRENT,
                           "close the account": NOT_CURRENT,
                           "ask for a new address": ASKED_WRONG}.items()
       for name in ("401", "401 of a proxy")},
    # Its answer to a wrong password is spoiled, and is a 401 all the same.
    ("log in, mistyped", VERIFY, 1, "wrong types"): MISTYPED,
    ("log in, mistyped", VERIFY, 1, "truncated"): NOT_NOW,
    # Refused to look, as if refused to make; a spoiled record is looked for again.
    ("claim, found by marker", LIST, 1, "400"): AGAIN_NO,
    ("claim, found by marker", LIST, 1, "403, malformed"): AGAIN_NO,
    ("claim, found by marker", LIST, 1, "wrong types"): AGAIN_KEY,
    # A record without the keys and fields we know is not put back.
    **{(visit, READ, nth, "null lists"): NOT_MOVED
       for visit in ("use a new address", "new address, answer lost") for nth in (1, 2)},
    # Closed from the first look on, it is closed for the others too.
    ("it leaked", READ, 1, "door closed"): OWED,
    # A record whose maps are null lists no key that was handed out there.
    ("claim what was approved there", READ, 2, "null lists"): THERE_UNREAD,
}
# fmt: on
#: These count as a failed try; nothing else does.
COUNTED = {MISTYPED, NOT_CURRENT, ASKED_WRONG}


def expected(visit: str, operation: str, nth: int, fault: Fault) -> Told | None:
    """What the tables say; None where nothing can be said."""
    otherwise = OTHERWISE.get((visit, operation, nth, fault.name))
    if otherwise is not None:
        return otherwise
    known = fault.known(writes=operation in WRITES)
    if operation in WRITES:
        done, away, refused, absent, lost, taken = WRITTEN[visit, operation]
        unknown = taken if fault.takes == YES else lost
        told = {DONE: done, AWAY: away, REFUSED: refused, ABSENT: absent}
        return told.get(known, unknown)
    done, away, absent_read = READS[visit, operation, nth]
    return {DONE: done, ABSENT: absent_read}.get(known, away)


def took(operation: str, fault: Fault) -> bool:
    """Whether Tyk carried out the struck write."""
    return operation in WRITES and fault.takes != NO
