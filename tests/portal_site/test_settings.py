"""Settings from the environment: refusals with a sentence, secrets that don't print."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WHOLE = {
    "PATH": os.defpath,
    "DOTENV": os.devnull,
    "PORTAL_BASE_URL": "https://developers.example.com",
    "SECRET_KEY": "secret-key-canary-" + "x" * 50,
    "SEAL_KEYS": "seal-key-canary-" + "s" * 32 + ",older-seal-canary-" + "o" * 32,
    "TYK_DASHBOARD_URL": "https://dashboard.example.com",
    "TYK_API_KEY": "dashboard-key-canary",
    "TYK_API_KEY_NEXT": "next-key-canary",
    "REDIS_URL": "redis://:redis-canary@127.0.0.1:6379/0",
    "DATABASE_URL": "postgres://portal:database-canary@127.0.0.1/portal",
    "EMAIL_URL": "smtp+tls://portal:mail-canary@mail.example.com:587",
}


def manage(*command: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """Run manage.py as an operator would, in an environment of its own."""
    wanted = {**WHOLE, **variables}
    return subprocess.run(  # noqa: S603  our own command line
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={name: value for name, value in wanted.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("PORTAL_BASE_URL", "Set it to the portal's address"),
        ("SECRET_KEY", "Generate 50 random characters"),
        ("SEAL_KEYS", "Generate 32 random bytes as hex"),
        ("TYK_DASHBOARD_URL", "Set it to the Dashboard's address"),
        ("TYK_API_KEY", "Users, Edit, Tyk Dashboard API Access Credentials"),
        ("REDIS_URL", "It is the broker"),
        ("EMAIL_URL", "filemail:////abs/dir"),
    ],
)
def test_a_start_without_it_ends_with_a_sentence(variable, sentence):
    done = manage("check", **{variable: None})

    assert done.returncode != 0
    assert f"{variable} is not set. " in done.stderr
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"SIGNUP_REVIEW": "perhaps"}, "SIGNUP_REVIEW must be true or false"),
        ({"PORTAL_BASE_URL": "developers.example.com"}, "PORTAL_BASE_URL must be"),
        ({"BRAND_COLOUR": "greenish"}, "BRAND_COLOUR"),
        ({"SEAL_KEYS": "," + "s" * 32}, "Every key of SEAL_KEYS must have 32"),
        ({"SEAL_KEYS": "short"}, "Every key of SEAL_KEYS must have 32"),
        ({"REVIEW_MAIL_TO": "Bob <bob@x.example>"}, "which is no plain e-mail address"),
    ],
)
def test_a_value_that_can_not_be_meant_is_refused(variables, sentence):
    done = manage("check", **variables)

    assert done.returncode != 0
    assert sentence in done.stderr


def test_secrets_are_hidden_from_diffsettings():
    done = manage("diffsettings", "--all")

    assert done.returncode == 0
    assert "PORTAL_BASE_URL = 'https://developers.example.com'" in done.stdout
    assert [line for line in done.stdout.splitlines() if "canary" in line] == []


def test_secrets_are_hidden_from_the_error_page_of_debug():
    page = manage(
        "shell",
        "-c",
        "import sys\n"
        "from django.test import RequestFactory\n"
        "from django.views.debug import ExceptionReporter\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: kind = sys.exc_info()\n"
        "request = RequestFactory().get('/')\n"
        "print(ExceptionReporter(request, *kind).get_traceback_html())",
        DEBUG="true",
    )

    assert page.returncode == 0, page.stderr
    assert "ZeroDivisionError" in page.stdout
    assert "CELERY_BROKER_URL" in page.stdout
    assert [line for line in page.stdout.splitlines() if "canary" in line] == []


def test_mails_can_go_to_a_directory(tmp_path):
    done = manage(
        "shell",
        "-c",
        "from django.core.mail import send_mail\n"
        "send_mail('Hello', 'Text', None, ['a@x.example'])",
        EMAIL_URL=f"filemail:///{tmp_path}",
    )

    assert done.returncode == 0, done.stderr
    [written] = tmp_path.iterdir()
    assert "Subject: Hello" in written.read_text()


@pytest.mark.parametrize(
    ("address", "secure"),
    [("https://developers.example.com", True), ("http://127.0.0.1:8000", False)],
)
def test_cookie_flags_follow_the_address(address, secure):
    done = manage(
        "shell",
        "-c",
        "from django.conf import settings as s\n"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT,"
        " bool(s.SECURE_HSTS_SECONDS))",
        PORTAL_BASE_URL=address,
    )

    assert done.stdout.split()[-4:] == [str(secure)] * 4
