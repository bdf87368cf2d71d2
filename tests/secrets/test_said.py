"""What errors say of themselves, and what commands and figures say of the portal."""

import contextlib
import io
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as portal
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.views.debug import ExceptionReporter

from developers import live as accounts, live_address, live_owner, services as people
from developers.errors import AccountError
from developers.models import MailedLink
from keyrequests import live, services
from keyrequests.errors import AccessError
from keyrequests.models import KeyRequest
from portal_site.environment import Redacted
from tests.journey import Journey
from tests.keyrequests.scene import Scene, build

# Not written here: a report quotes the lines around a frame.
from tests.reliability.visits import MIRA, NEW, NORA, OLD
from tests.test_secrets import Haystack
from tyk import outbox
from tyk.dashboard import errors
from tyk.dashboard.errors import DashboardError
from tyk.dashboard.secret import Secret
from tyk.sandbox.faults import ANY

pytestmark = pytest.mark.django_db(transaction=True)


# --- Errors -----------------------------------------------------------------------------
def sign_in(scene: Scene) -> None:
    accounts.sign_in(MIRA, Secret(OLD))


def change(scene: Scene) -> None:
    live_owner.change_password(scene.developer, current=Secret(OLD), new=Secret(NEW))


def confirm(scene: Scene) -> None:
    accounts.confirm(MailedLink.objects.get(purpose="confirm"), Secret(NEW))


def reset(scene: Scene) -> None:
    accounts.reset(MailedLink.objects.get(purpose="reset"), Secret(NEW))


def ask_for_address(scene: Scene) -> None:
    live_address.ask(scene.developer, current=Secret(OLD), address="m@else.example")


def claim(scene: Scene) -> None:
    live.claim(KeyRequest.objects.get())


#: What is asked of Tyk, and the call that goes wrong until nothing more is possible.
DEEDS = {
    sign_in: "verifyCredentials",
    change: "resetDeveloperPassword",
    confirm: "createDeveloper",
    reset: "resetDeveloperPassword",
    ask_for_address: "verifyCredentials",
    claim: "approveKeyRequest",
}
FAULTS: dict[str, dict[str, Any]] = {
    "Busy": {"mode": "status", "status": 429},
    # Tyk quotes what was sent: its words are kept, and never printed.
    "Refused": {"mode": "status", "status": 400, "message": f"password: {NEW}"},
    "NotFound": {"mode": "status", "status": 404, "message": f"no {OLD}"},
    "Misconfigured": {"mode": "status", "status": 401, "message": "Not authorised"},
    "Unexpected": {"mode": "html_200"},
    # The last: what may have been done is not tried again for a while.
    "Unreachable, OutcomeUnknown": {"mode": "refuse_connection"},
}


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def raised(deed: Callable[[Scene], None], scene: Scene) -> list[BaseException]:
    """The refusal and all that stands behind it, with the frames they came through."""
    try:
        deed(scene)
    except (AccountError, AccessError, DashboardError) as error:
        return list(chain(error))
    return []


def told_by(error: BaseException) -> dict[str, str]:
    """Everything that prints an error, and everything it carries."""
    request = RequestFactory().get("/")
    report = ExceptionReporter(request, type(error), error, error.__traceback__)
    shown = {k: v for k, v in vars(error).items() if k not in {"message", "errors"}}
    return {
        "text": f"{error} {error!r} {error.args} {shown}",
        "traceback": "".join(traceback.format_exception(error)),
        "report": report.get_traceback_html(),
    }


def test_no_error_tells_a_secret(box, settings):
    """Every error of the client, and what the portal makes of it in each live call."""
    settings.LIMITS_SCALE, settings.TYK_BREAKER_AFTER = 1_000, 0
    settings.OUTBOX_QUARANTINE = 0
    scene = build(box)
    people.sign_up(NORA, fields={})
    people.ask_for_reset(MIRA)
    outbox.drain()
    scene.approved()
    seen: set[str] = set()
    told_already: set[tuple[object, object]] = set()
    for fault in FAULTS.values():
        for deed, write in DEEDS.items():
            for operation in (ANY, write):
                box.faults.add(operation, **fault)
                for error in raised(deed, scene):
                    if (type(error), deed) in told_already:
                        continue
                    told_already.add((type(error), deed))
                    seen.add(type(error).__name__)
                    told = Haystack(told_by(error))
                    for secret in (OLD, NEW, box.api_key):
                        assert told.found(secret) == [], type(error).__name__
                box.heal()

    kinds = {kind.__name__ for kind in vars(errors).values() if _is_final(kind)}
    assert kinds - seen == set()
    assert {"UpstreamUnavailable", "InvalidCredentials", "OutcomeUnclear"} <= seen
    assert {"PasswordRefused", "KeyServiceAway", "ClaimUnsure"} <= seen


def _is_final(kind: object) -> bool:
    """A class of the client's errors that is raised as such."""
    return (
        isinstance(kind, type)
        and issubclass(kind, DashboardError)
        and kind is not DashboardError
        and not kind.__name__.startswith("_")
    )


def test_the_same_search_finds_a_secret_in_an_error_that_tells_it():
    error = AccountError(f"no password like {NEW}")

    assert Haystack(told_by(error)).found(NEW) != []


# --- Commands and figures ---------------------------------------------------------------
COMMANDS = [
    ("doctor",),
    ("doctor", "--json"),
    ("drift",),
    ("drift", "--json"),
    ("outbox",),
    ("outbox", "--json"),
    ("sync_once",),
    ("sync_once", "--json"),
    ("diffsettings", "--all"),
    ("check_dashboard",),
]


def said_by(*command: str) -> str:
    """What a command prints and logs; some end with an exit code."""
    out = io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        contextlib.suppress(SystemExit),
    ):
        call_command(*command, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.parametrize("hashing", ["murmur64", "off"])
def test_commands_and_figures_tell_no_secret(
    box, settings, mailoutbox, valkey_client, hashing
):
    settings.METRICS_TOKEN = Redacted("a token for the figures")
    settings.TYK_API_KEY = Redacted(box.api_key)  # as settings.py makes it
    box.switch(hashing=hashing)
    box.set_configuration(HashKeys=hashing != "off")
    scene = build(box)
    journey = Journey(box=box, mails=mailoutbox, reviewer=scene.reviewer)
    journey.sign_up(NORA, NEW)
    shown = journey.ask_and_claim("Orders")
    # Something is amiss, so that every command has something to say of this key.
    waiting = services.submit(
        scene.developer, entry=scene.entry, answers={}, nonce=scene.ask().nonce
    )
    box.issue_key(scene.developer.tyk_id, scene.policy)
    box.faults.add("createKeyRequest", mode="status", status=500)
    assert waiting.is_open

    said = {" ".join(command): said_by(*command) for command in COMMANDS}
    said["figures"] = figures()
    said["redis"] = "\n".join(dump(valkey_client))

    told = Haystack(said)
    secrets = [NEW, OLD, shown.key, box.api_key, str.__str__(portal.SECRET_KEY)]
    secrets += [str.__str__(key) for key in portal.SEAL_KEYS]
    if hashing == "off":
        secrets += [key.id for key in list(box.keys())]
    assert {(s, place) for s in secrets for place in told.found(s)} == set()
    assert [name for name, text in said.items() if not text] == []
    assert Haystack({"page": shown.page}).found(shown.key) == ["page"]


def figures() -> str:
    bearer = "Bearer a token for the figures"
    answer = Client().get("/metrics", headers={"authorization": bearer})
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


def dump(client: Any) -> Iterator[str]:
    """Every key of the server, as its own dump holds it."""
    for key in client.scan_iter("*"):
        yield key.decode("latin-1")
        yield client.dump(key).decode("latin-1")


def test_the_dump_is_of_the_server_that_throttles(valkey_client):
    valkey_client.set("a-key", NEW)

    assert NEW in "\n".join(dump(valkey_client))
    assert sys.getsizeof(valkey_client.dump("a-key")) > 0
