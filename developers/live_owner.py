"""Calls for somebody signed in: proving the password once more, and changing it."""

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from developers import live, services
from developers.errors import InvalidCredentials
from developers.models import Developer
from tyk import lanes
from tyk.budget import Budget
from tyk.dashboard.secret import Secret

LANE_WAIT = 3.0  # seconds: a worker may be saving their profile


@sensitive_variables("current")
def prove(developer: Developer, current: Secret, *, ip: str = "") -> None:
    """Whoever is signed in knows the password, too; raises what `live.sign_in` does.

    They have tries of their own, as many as a login, over all their browsers:
    strangers who guess at the address at the login don't keep the owner from the
    account pages, and a stolen session can't guess without end.
    """
    own = f"owner:{developer.code}"
    if live.sign_in(developer.email, current, ip=ip, device=own) != developer:
        raise InvalidCredentials


@sensitive_variables("current", "new")
def change_password(
    developer: Developer, *, current: Secret, new: Secret, ip: str = ""
) -> None:
    """Set a new password for somebody who proves the current one.

    Raises what `prove` does, AccountGone, AccountBusy, LinkBusy (somebody else is at
    it), PasswordRefused and OutcomeUnclear. Every session ends; the caller keeps its own.
    """
    prove(developer, current, ip=ip)
    deadline = Budget(settings.TYK_PASSWORD_DEADLINE)
    with live.in_lane(lanes.for_developer(developer.tyk_id), wait=LANE_WAIT):
        record = live.record_to_reset(developer, deadline)
        live.set_password(record, new, deadline)
        services.password_was_changed(developer)
    live.mirror_if_possible(developer, deadline)
