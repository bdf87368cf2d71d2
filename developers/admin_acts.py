"""What staff may do for a developer's account: buttons, each with its question."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from developers import services
from developers.models import Developer, ProfileEdit

CHANGE = "developers.change_developer"


def may_be_activated(developer: Developer) -> bool:
    """Whether it is off, and by nobody's farewell: what is closed stays closed."""
    return _is_there(developer) and is_off(developer)


def may_be_deactivated(developer: Developer) -> bool:
    return _is_there(developer) and not is_off(developer)


def is_off(developer: Developer) -> bool:
    """What staff wished and Tyk has not answered yet, else what Tyk said last."""
    due = ProfileEdit.objects.filter(developer=developer, state=ProfileEdit.State.DUE)
    wish = due.values_list("after", flat=True).first() or {}
    return bool(wish.get(services.INACTIVE, developer.inactive))


def _is_there(developer: Developer) -> bool:
    return developer.gone_at is None and developer.closed_at is None


@dataclass(frozen=True, slots=True)
class Act:
    """One thing staff may do for a developer, after a page that says what it does."""

    name: str
    button: str
    question: str
    effect: str
    done: str
    do: Callable[[Developer], object]
    fits: Callable[[Developer], bool]


ACTS = {
    act.name: act
    for act in (
        Act(
            name="activate",
            button="Activate account",
            question="Activate this account?",
            effect="They can log in as soon as Tyk has it, and get a mail that says so.",
            done="The account is being activated. Tyk has it in a moment.",
            do=partial(services.set_active, active=True),
            fits=may_be_activated,
        ),
        Act(
            name="password-link",
            button="Send a password link",
            question="Send a link to choose a new password?",
            effect="The link goes to their address and nowhere else. Their password "
            "stays as it is until they use it.",
            done="The link is on its way to the developer's mailbox.",
            do=services.send_reset_link,
            fits=lambda developer: developer.may_enter,
        ),
        Act(
            name="end-sessions",
            button="End sessions",
            question="End every session of this developer?",
            effect="They are logged out in every browser at once and can log in again "
            "with their password. Their keys go on working.",
            done="Every session of the developer has ended.",
            do=services.end_sessions,
            fits=lambda developer: developer.may_enter,
        ),
        Act(
            name="deactivate",
            button="Deactivate account",
            question="Deactivate this account?",
            effect="They are logged out at once and cannot log in any more. Their keys "
            "go on working: revoke those one by one.",
            done="The account is being deactivated. Tyk has it in a moment.",
            do=partial(services.set_active, active=False),
            fits=may_be_deactivated,
        ),
    )
}
