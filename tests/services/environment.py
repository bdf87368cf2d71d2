"""The environment the settings see in tests: nothing of the developer's own."""

import os
from pathlib import Path

# What settings.py reads. TYK_CONTRACT_* chooses a Dashboard for the contract suite.
_OURS = (
    "ALLOWED_",
    "APPROVAL_",
    "BRAND_",
    "CATALOGUE_",
    "CLAIM_",
    "CONFIRM_",
    "DJANGO_SUPERUSER_",
    "EMAIL_",
    "LIMITS_",
    "MAIL_",
    "METRICS_",
    "OUTBOX_",
    "PORTAL_",
    "PULL_",
    "RECENT_",
    "REDIS_",
    "RESET_",
    "REVIEW_",
    "SEAL_",
    "SECRET_",
    "SECURE_",
    "SECURITY_",
    "SESSION_",
    "SIGNUP_",
    "STATIC_",
    "TRUSTED_",
    "TYK_",
)
_KEPT = ("TYK_CONTRACT_",)


def apply(*, run_dir: Path, valkey_address: str, worker: str) -> None:
    """Set what settings.py needs for one process of a test run.

    `worker` is pytest-xdist's name of it ("gw0"), empty without xdist. Only
    DATABASE_URL comes from outside. TYK_DASHBOARD_URL is an address where nobody
    listens: a test that talks to a Dashboard sets the sandbox's.
    """
    for name in list(os.environ):
        if name.startswith(_OURS) and not name.startswith(_KEPT):
            del os.environ[name]
    data_dir = run_dir / (worker or "main")
    (data_dir / "static").mkdir(parents=True, exist_ok=True)
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    os.environ.update(
        {
            "DOTENV": os.devnull,
            "DATA_DIR": str(data_dir),
            "DEBUG": "false",
            "PORTAL_BASE_URL": "http://testserver",
            "SECRET_KEY": "tests-only " * 5,
            "SEAL_KEYS": "7e" * 32,
            # Rows are made and rolled back past what raises the shelf's version.
            "CATALOGUE_KEEP_SECONDS": "0",
            # Asked once: the clock adds no query to a page whose queries are counted.
            "BRAND_FRESH_SECONDS": "1e9",
            "TYK_DASHBOARD_URL": "http://127.0.0.1:9",
            "TYK_API_KEY": "dashboard-key-of-the-tests",
            "REDIS_URL": f"{valkey_address}{number}",
            "EMAIL_URL": "memorymail://",
        }
    )
