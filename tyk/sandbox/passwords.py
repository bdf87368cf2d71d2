"""Developer passwords, kept as salted hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets

# Deliberately few: a sandbox guards invented accounts, and tests log in a lot.
ITERATIONS = 500
SHORTEST = 6
TOO_SHORT = f"password: String length must be greater than or equal to {SHORTEST}"


def _digest(password: str, salt: str) -> str:
    spread = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), salt.encode(), iterations=ITERATIONS
    )
    return spread.hex()


def sealed(password: str) -> str:
    """`salt$hash` of a password."""
    salt = secrets.token_hex(8)
    return f"{salt}${_digest(password, salt)}"


def matches(password: str, stored: str) -> bool:
    """Whether the password is the one that was sealed."""
    salt, _, digest = stored.partition("$")
    return bool(digest) and hmac.compare_digest(_digest(password, salt), digest)


def rule_errors(password: str) -> list[str]:
    """The default rule of the Dashboard's password schema: at least 6 characters."""
    return [TOO_SHORT] if len(password) < SHORTEST else []


def is_bcrypt(password: str) -> bool:
    """Whether a client sent back a hash that an old release had shown it."""
    return password.startswith(("$2a$", "$2b$", "$2y$"))
