"""What may go wrong with an account, each with a stable code and a sentence.

AccountError
├── InvalidCredentials    wrong address, wrong password, no such account
├── AmbiguousAccount      several accounts share the address
├── AccountInactive       switched off; told only after a correct password
├── AccountGone           Tyk has it no longer
├── AccountClosed         closed by its owner, and on its way out of Tyk
├── AwaitingReview        not switched on yet (SIGNUP_REVIEW)
├── UpstreamUnavailable   Tyk did not prove anything; nobody's failure
├── PortalBusy            Tyk was not asked: too many others are; nobody's failure
├── OutcomeUnclear        a write was sent and its effect is not known
├── PasswordRefused       Tyk's own password rule
├── FieldsRefused         Tyk's own rule about another field
├── AccountBusy           an earlier change may still land in Tyk
├── AddressTaken          the new address belongs to another account
├── AddressRefused        Tyk's own rule about an address
├── EditsOff              Tyk would lose the password with any edit
├── AlreadyRegistered     the address has an account we did not make
├── Throttled             too many tries; `retry_after` in seconds
├── SignUpClosed          the organisation takes no sign-ups
└── LinkError
    ├── LinkDead          used, expired, cancelled or never ours
    └── LinkBusy          being used by another request right now
"""

from collections.abc import Sequence
from typing import ClassVar


class AccountError(Exception):
    """A domain error: `code` for programs, `sentence` for people."""

    code: ClassVar[str] = "account_error"
    sentence: str = "That did not work."
    is_review: ClassVar[bool] = False

    def __str__(self) -> str:
        return self.sentence


class InvalidCredentials(AccountError):
    code = "invalid_credentials"
    sentence = "E-mail or password is not right"


class AmbiguousAccount(AccountError):
    code = "ambiguous"
    sentence = "Several accounts have this address. Contact support to sign in."


class AccountInactive(AccountError):
    code = "account_inactive"
    sentence = "This account is switched off."


class AccountGone(AccountInactive):
    code = "account_gone"
    sentence = "This account does not exist any more."


class AccountClosed(AccountError):
    code = "account_closed"
    sentence = (
        "This account was closed by its owner. It cannot be opened again; once it is "
        "deleted everywhere, you can sign up again."
    )


class AwaitingReview(AccountInactive):
    is_review = True
    sentence = "We look at each account before it can be used."


class UpstreamUnavailable(AccountError):
    code = "upstream_unavailable"
    sentence = "Login is not available right now"
    retry_after: int = 30  # seconds; what a page asks programs to wait


class PortalBusy(UpstreamUnavailable):
    code = "portal_busy"
    sentence = "Too many people are here right now. Try again in a moment."
    retry_after = 5


class OutcomeUnclear(UpstreamUnavailable):
    code = "outcome_unclear"
    sentence = "We could not find out whether that worked."


class PasswordRefused(AccountError):
    """The Dashboard has a password rule of its own; `reasons` are its words."""

    code = "password_refused"
    sentence = "Choose another password: this one was not accepted."

    def __init__(self, reasons: Sequence[str] = ()) -> None:
        super().__init__(self.sentence)
        self.reasons = list(reasons) or [self.sentence]


class FieldsRefused(PasswordRefused):
    code = "fields_refused"
    sentence = "The details of this sign-up were not accepted. Sign up once more."


class AccountBusy(UpstreamUnavailable):
    """Nothing was done: a change whose answer was lost may still land in Tyk.

    `retry_after`, whole seconds and at least 1, says until when.
    """

    code = "account_busy"

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        unit = "second" if self.retry_after == 1 else "seconds"
        return (
            "We are finishing a change to your account. "
            f"Try again in {self.retry_after} {unit}."
        )


class AddressTaken(AccountError):
    code = "address_taken"
    sentence = "There is another account with this address. Yours stays as it is."


class AddressRefused(AccountError):
    code = "address_refused"
    sentence = "The key service did not accept this address. Choose another one."


class EditsOff(AccountError):
    """Organisation.refuses_edits: found out by the doctor, accepted by a setting."""

    code = "edits_off"
    sentence = (
        "The key service would lose your password with this change, so it was not "
        "made. Nothing has changed."
    )


class AlreadyRegistered(AccountError):
    code = "already_registered"
    sentence = "You already have an account with this address."


class SignUpClosed(AccountError):
    code = "sign_up_closed"
    sentence = "Sign-up is closed."


class Throttled(AccountError):
    """Too many tries; `retry_after` is in whole seconds, at least 1."""

    code = "throttled"

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"Too many attempts. Wait {self.wait}, then try again."

    @property
    def wait(self) -> str:
        """The wait in words, rounded up: `2 minutes`."""
        for size, word in ((3600, "hour"), (60, "minute"), (1, "second")):
            if self.retry_after >= size:
                number = -(-self.retry_after // size)
                return f"{number} {word}{'s' if number != 1 else ''}"
        return "1 second"


class LinkError(AccountError):
    code = "link"


class LinkDead(LinkError):
    code = "link_dead"
    sentence = "This link does not work any more."


class LinkBusy(LinkError):
    code = "link_busy"
    sentence = "This link is being used in another window right now."
