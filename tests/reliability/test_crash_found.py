"""Nothing was left out: what the stories were cut at is what the sources hold.

Calls to Tyk and commits are found in the sources, and compared with those of the
runs that test_crash_points cuts.
"""

import ast
import inspect
from pathlib import Path

import pytest
from django.conf import settings as site
from django.db import connection

from tests.reliability.commits import found_from
from tests.reliability.deaths import Run, clean_run
from tests.reliability.mornings import mornings
from tests.reliability.stories import STORIES
from tyk.dashboard import calls
from tyk.dashboard.client import Dashboard

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
]
ROOT = Path(__file__).parents[2]
CALLERS = [
    path
    for app in ("developers", "keyrequests")
    for pattern in ("live*.py", "push*.py")
    for path in (ROOT / app).glob(pattern)
]
#: What people and the worker do. All that they come to, call by call, is looked at.
DEEDS = (
    "developers.live_owner.change_password",
    "developers.live.confirm",
    "developers.live.reset",
    "developers.live_address.change",
    "developers.services.ask_for_new_address",
    "developers.services.ask_for_reset",
    "developers.services.edit_profile",
    "developers.services.set_active",
    "developers.services.sign_up",
    "keyrequests.closing.close",
    "keyrequests.acts.amend",
    "keyrequests.acts.report_leak",
    "keyrequests.acts.tell_when_back",
    "keyrequests.live.claim",
    "keyrequests.live.replace",
    "keyrequests.services.approve",
    "keyrequests.services.decline",
    "keyrequests.services.revoke",
    "keyrequests.services.submit",
    "keyrequests.services.withdraw",
    "keyrequests.staff.change_plans",
    "keyrequests.staff.grant",
    "keyrequests.staff.reset_quota",
    "tyk.outbox.drain",
)
#: Commits that no story comes to, by the beginning of their names.
_A_PULL = "a pull: the next one does it again from Tyk's own truth"
_A_FAILURE = "how a failed call is kept: every fault is in the fault tables"
_TOLD_AGAIN = "says what it sees; said again, by the next one who sees it"
_A_NAMESAKE = "not called: bears the name of a method that is"
LEFT_OUT = {
    "catalogue.loading.": _A_NAMESAKE,
    "portal_site.brand_versions.": _A_NAMESAKE,
    "portal_site.face.": _A_NAMESAKE,
    "portal_site.logos.": _A_NAMESAKE,
    "portal_site.looks.": _A_NAMESAKE,
    "developers.pull.": _A_PULL,
    "developers.outcomes.": _A_PULL,
    "developers.push_account.picture": "a picture: its owner asks again, if ever",
    "developers.push_look.": "a link's time while it waits: the next try sets it again",
    "developers.session_store.": "a browser's own; every request begins from it anew",
    "keyrequests.pull.": _A_PULL,
    "keyrequests.nearing.": _A_PULL,
    "keyrequests.push.audit": "counts a look: one not counted is looked once more",
    "keyrequests.outcomes.declined_in_tyk": _A_PULL,
    "keyrequests.outcomes.live_after_all": _A_PULL,
    "keyrequests.outcomes.never_listed": _A_FAILURE,
    "keyrequests.push._missed_before": "notes a look: one not noted is looked once more",
    "keyrequests.push_keys._wait_for_it": "notes since when: not noted, it waits anew",
    "tyk.alarms.": _TOLD_AGAIN,
    "tyk.connect.": _TOLD_AGAIN,
    "tyk.models.Organisation.current": "made once, before anybody comes",
    "tyk.looks.": "spares another row a look of its own: not told, it looks itself",
    "tyk.outbox._again": _A_FAILURE,
    "tyk.outbox._count_failure": _A_FAILURE,
    "tyk.outbox._park": _A_FAILURE,
    "tyk.outbox._wait": _A_FAILURE,
    "tyk.outbox.ask_a_person": _A_FAILURE,
    "tyk.seal.": "feeds a hash; writes nothing",
    "developers.throttle.": "counts tries; in Redis, unless that is away",
}


@pytest.fixture
def runs(box, settings) -> list[Run]:
    with mornings(box, settings) as starts:
        return [clean_run(starts[story.morning], story) for story in STORIES]


def test_every_call_and_commit_of_ours_was_cut(runs, tell):
    made = {
        operation
        for path in CALLERS
        for method in called_in(path)
        for operation in operations_behind(method)
    }
    cut = {place.split()[1] for run in runs for place in run.reached}
    found = found_from(DEEDS, site.OUTBOX_HANDLERS)
    committed = set[str]().union(*(run.commits for run in runs))
    unseen = {name for name in found - committed if not name.startswith(_LEFT_OUT)}
    tell(
        f"deaths: {sum(len(run.reached) for run in runs)} boundaries in "
        f"{len(STORIES)} stories; calls cut: {len(made & cut)} of {len(made)} found; "
        f"functions that commit: {len(found & committed)} of {len(found)} found"
    )

    assert len(CALLERS) >= 4
    assert len(made) > 9
    assert made - cut == set()
    assert len(found & committed) > 50
    assert unseen == set(), "commits that no story comes to"


_LEFT_OUT = tuple(LEFT_OUT)


def called_in(source: Path) -> set[str]:
    """Methods of the client that a module calls: `dashboard().<method>(`."""
    return {
        node.func.attr
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Call)
        and ast.unparse(node.func.value.func).split(".")[-1] == "dashboard"
    }


def operations_behind(method: str) -> set[str]:
    """The operations a method of the client makes, from its source."""
    source = inspect.getsource(getattr(Dashboard, method)).replace(")", ",")
    names = {n for n in vars(calls) if n.isupper() and f"calls.{n}," in source}
    # Two templates of one look, for keys with and without a policy's API.
    names -= {"GET_API_KEY"} if "GET_KEY" in names else set()
    assert names, method
    return {getattr(calls, name).operation for name in names}
