"""Why asking, deciding or claiming was refused: a stable code and a sentence."""

from keyrequests.models import KeyRequest


class AccessError(Exception):
    """A refusal a person can read. `code` is stable; nothing was changed."""

    code = "refused"
    sentence = "This cannot be done."

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class NotOffered(AccessError):
    code = "not_offered"
    sentence = "This plan is no longer offered."


class AlreadyAsked(AccessError):
    """One open request per developer and plan: here is the one there is."""

    code = "already_asked"
    sentence = "You have already asked for this plan."

    def __init__(self, request: KeyRequest) -> None:
        super().__init__()
        self.request = request


class TooManyOpen(AccessError):
    code = "too_many_open"
    sentence = (
        "You have 5 open requests. Claim, withdraw or wait for one of them first."
    )


class Closed(AccessError):
    """Closed by its owner, in another tab perhaps."""

    code = "closed"
    sentence = "This account is closed. Nothing was sent."


class OwnRequest(AccessError):
    code = "own_request"
    sentence = "This request comes from your own address. A colleague decides it."


class ReasonNeeded(AccessError):
    code = "reason_needed"
    sentence = "Say why before you decline. The developer reads this text."


class AlreadyDecided(AccessError):
    """Somebody was quicker, here or in Tyk; the text says who and when."""

    code = "already_decided"

    def __init__(self, request: KeyRequest, sentence: str) -> None:
        super().__init__(sentence)
        self.request = request


class NotClaimable(AccessError):
    code = "not_claimable"
    sentence = "There is no key to claim for this request."


class BeingDelivered(AccessError):
    code = "being_delivered"
    sentence = (
        "Your access is approved. The key service is still being told; "
        "the button appears in a moment."
    )


class BeingMade(AccessError):
    code = "being_made"
    sentence = "Your key is being made in another tab or window."


class AccountBusy(AccessError):
    """A change to the developer whose answer was lost may still land in Tyk.

    `seconds`, whole and at least 1, say when to try again.
    """

    code = "account_busy"

    def __init__(self, seconds: int) -> None:
        unit = "second" if seconds == 1 else "seconds"
        super().__init__(
            "We are finishing a change to your account. No key was made. "
            f"Try again in {seconds} {unit}."
        )
        self.seconds = seconds


class KeyMailIsOn(AccessError):
    code = "key_mail_on"
    sentence = (
        "Keys cannot be claimed yet: the gateway is set to send keys by mail, "
        "and we never do that. Your approval stays open. Please tell our support."
    )


class Paused(AccessError):
    """The database was restored or copied: see tyk.fence."""

    code = "paused"
    sentence = (
        "Keys cannot be made right now. Your approval stays open. If this lasts, "
        "please tell our support."
    )


class NotLive(AccessError):
    code = "not_live"
    sentence = "This key has already ended."


class SwitchedOff(AccessError):
    """Tyk says so now; the mirror may not have heard of it."""

    code = "switched_off"
    sentence = "This account is switched off. No key was made."


class KeyServiceAway(AccessError):
    """Certainly nothing was made; the same button works later."""

    code = "key_service_away"
    sentence = "No key was made and none was used up."


class KeyServiceBusy(KeyServiceAway):
    """As above: so many people are here that the key service was not even asked."""

    code = "key_service_busy"


class ClaimUnsure(AccessError):
    """The answer was lost: a key may exist that nobody saw. Settled in a moment."""

    code = "claim_unsure"
    sentence = (
        "The key service did not answer in time. We are checking whether a key was "
        "made; nothing is lost."
    )


class MadeElsewhere(AccessError):
    """The request was approved in the Tyk Dashboard; its key is not ours to show."""

    code = "made_elsewhere"
    sentence = (
        "This request was approved in the gateway's own dashboard, so its key was "
        "handed out there. You can get a new key here."
    )
