"""Which staff login a run makes, and what it may say about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portal_site.runner import keepsakes

DEMO_EMAIL = "rita@northwind.example"
DEMO_PASSWORD = "northwind-demo-staff"  # noqa: S105 -- printed at every demo start
_FIRST_EMAIL = "staff@portal.example"


@dataclass(frozen=True, slots=True)
class StaffLogin:
    """A login to make if it is missing. `kind`: demo, given or random password."""

    email: str
    password: str
    kind: str

    @property
    def variables(self) -> dict[str, str]:
        """For `manage.py prepare`: never on a command line."""
        return {
            "DJANGO_SUPERUSER_EMAIL": self.email,
            "DJANGO_SUPERUSER_PASSWORD": self.password,
            "LOCK_OUT_PASSWORD": DEMO_PASSWORD,
        }

    @property
    def flags(self) -> list[str]:
        """For `manage.py prepare`: what kind of staff it may make."""
        flags = ["--only-first"] if self.kind == "random" else []
        return flags if self.kind == "demo" else [*flags, "--lock-out", DEMO_EMAIL]


def choose(given: Mapping[str, str], *, sandbox: bool) -> StaffLogin:
    """What the environment names; else the demo's, or a random one with a real
    Dashboard, where a password that everybody can read would be a hole."""
    email = given.get("DJANGO_SUPERUSER_EMAIL", "")
    password = given.get("DJANGO_SUPERUSER_PASSWORD", "")
    if password:
        return StaffLogin(email or _FIRST_EMAIL, password, "given")
    if email or not sandbox:
        random = keepsakes.readable_password()
        return StaffLogin(email or _FIRST_EMAIL, random, "random")
    return StaffLogin(DEMO_EMAIL, DEMO_PASSWORD, "demo")


def words(login: StaffLogin, report: Path) -> str:
    """What to tell about the login, after `manage.py prepare` wrote its report."""
    outcome = json.loads(report.read_text())["staff"]
    if outcome == "not needed":
        return "the superuser made before"
    if login.kind == "random" and outcome != "made":
        return f"{login.email}, with the password it was given before"
    if outcome == "other":
        return f"{login.email}, with the password it was given since"
    if login.kind == "given":
        return f"{login.email}, password as in DJANGO_SUPERUSER_PASSWORD"
    once = "   (shown this once: keep it)" if login.kind == "random" else ""
    return f"{login.email}   {login.password}{once}"
