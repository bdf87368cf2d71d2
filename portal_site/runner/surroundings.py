"""The environment of every process of a run: what settings.py needs, filled in.

Nothing that is set already is changed; what is missing gets a value that is right
for a portal on this machine's loopback address.
"""

from collections.abc import Mapping
from pathlib import Path

from portal_site.runner import keepsakes, valkey
from portal_site.runner.plan import Plan

_DEMO_MAIL_FROM = "Northwind APIs <no-reply@northwind.example>"
_DEMO_SUPPORT = "api-support@northwind.example"


def fill_in(
    plan: Plan, given: Mapping[str, str], *, valkey_port: int
) -> dict[str, str]:
    """`given` and what it lacks. Makes the secrets of a first start in DATA_DIR."""
    filled = {name: value for name, value in given.items() if value}
    for name, value in _defaults(plan, valkey_port).items():
        filled.setdefault(name, value)
    filled["DATA_DIR"] = str(plan.data_dir)
    filled["PYTHONUNBUFFERED"] = "1"
    return filled


def _defaults(plan: Plan, valkey_port: int) -> dict[str, str]:
    secret_dir = keepsakes.private_dir(plan.data_dir / "secrets")
    password = keepsakes.kept(secret_dir / "valkey_password", keepsakes.key_256)
    defaults = {
        "SECRET_KEY": keepsakes.kept(secret_dir / "secret_key", keepsakes.long_secret),
        "SEAL_KEYS": keepsakes.kept(secret_dir / "seal_keys", keepsakes.key_256),
        "PORTAL_BASE_URL": f"http://127.0.0.1:{plan.port}",
        "ALLOWED_HOSTS": f"127.0.0.1,localhost,{plan.host.rpartition(':')[0]}",
        "REDIS_URL": valkey.url(valkey_port, password=password),
        "DATABASE_URL": f"sqlite:///{database(plan)}",
        # Three slashes and an absolute path are four: what django-environ needs.
        "EMAIL_URL": f"filemail:///{plan.mail_dir}",
    }
    return defaults | (_sandbox_defaults(plan, secret_dir) if plan.sandbox else {})


def database(plan: Plan) -> Path:
    """A Dashboard of your own never meets what the demo left, nor its staff."""
    name = "portal.sqlite3" if plan.sandbox else "portal-dashboard.sqlite3"
    return plan.data_dir / name


def _sandbox_defaults(plan: Plan, secret_dir: Path) -> dict[str, str]:
    key = keepsakes.kept(secret_dir / "sandbox_api_key", keepsakes.key_256)
    keepsakes.kept(secret_dir / "sandbox_token", keepsakes.key_256)
    return {
        "TYK_DASHBOARD_URL": f"http://127.0.0.1:{plan.sandbox_port}",
        "TYK_API_KEY": key,
        "MAIL_FROM": _DEMO_MAIL_FROM,
        "BRAND_SUPPORT_EMAIL": _DEMO_SUPPORT,
    }


def keep(plan: Plan, filled: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Write what was filled in to DATA_DIR/environment, as a `.env` of this run.

    For `manage.py` beside a running portal: DOTENV=.run/environment.
    """
    ours = {n: v for n, v in filled.items() if n in _NAMED or given.get(n) != v}
    lines = [f"{name}={value}" for name, value in sorted(ours.items())]
    keepsakes.private_file(plan.data_dir / "environment", "\n".join([*lines, ""]))


# Kept even when they were given: without them settings.py would not start.
_NAMED = frozenset(
    {
        "DATABASE_URL",
        "EMAIL_URL",
        "PORTAL_BASE_URL",
        "REDIS_URL",
        "SEAL_KEYS",
        "SECRET_KEY",
        "TYK_API_KEY",
        "TYK_CA_BUNDLE",
        "TYK_DASHBOARD_URL",
        "TYK_ORG_ID",
    }
)
