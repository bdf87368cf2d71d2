"""Who they are: the mirror of Tyk's developers, and the portal's login rows."""

import unicodedata
import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.utils.module_loading import import_string

#: Characters of an address, as it is typed and as it is compared.
LONGEST_ADDRESS = 254


def email_key(address: str) -> str:
    """The form of an address that is compared: NFKC, folded. Never mailed to."""
    return unicodedata.normalize("NFKC", address.strip()).casefold()


class DeveloperQuerySet(models.QuerySet["Developer"]):
    def present(self) -> Self:
        """Those Tyk still holds, as far as we have read."""
        return self.filter(gone_at=None)

    def with_address(self, address: str) -> Self:
        """All present ones that spell this address in any case, none of them closed."""
        return self.present().filter(email_key=email_key(address), closed_at=None)


class Developer(models.Model):
    """The mirror of one developer record in Tyk; written by pulls alone.

    An allow-list: OAuth secrets, `sso_key`, `nonce` and password history of the
    Tyk record are never read into it. Unique on Tyk's id only, since Tyk holds
    duplicate addresses.
    """

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    tyk_id = models.CharField(max_length=64, unique=True)
    email = models.CharField(max_length=254)  # in Tyk's own spelling
    email_key = models.CharField(max_length=254)
    name = models.CharField(max_length=200, blank=True)
    fields = models.JSONField(default=dict)  # the configured sign-up fields
    inactive = models.BooleanField(default=False)
    registered_at = models.DateTimeField(null=True)
    password_updated = models.DateTimeField(null=True)
    digest = models.CharField(max_length=64, blank=True)
    # That row, keys and listed record agreed (keyrequests/pull/agreed.py); "": unknown.
    agreed = models.CharField(max_length=64, blank=True)
    read_at = models.DateTimeField(null=True)
    written_here_at = models.DateTimeField(null=True)
    seen_here_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    # Ours, and no pull's: the owner closed the account; what it held was erased.
    closed_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)

    objects = DeveloperQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["email_key"], name="developer_email_key"),
            # The every-minute pull re-reads who was here in the last minutes.
            models.Index(
                fields=["seen_here_at"],
                condition=Q(seen_here_at__isnull=False),
                name="developer_seen_here",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def may_enter(self) -> bool:
        return not self.inactive and self.gone_at is None and self.closed_at is None


class UserManager(BaseUserManager["User"]):
    def create_superuser(self, email: str, password: str | None = None) -> "User":
        """Staff with every right; used by `createsuperuser`."""
        return self.create_staff(email, password, is_superuser=True)

    def create_staff(
        self, email: str, password: str | None = None, **members: Any
    ) -> "User":
        user = self.model(email=self.normalize_email(email), is_staff=True, **members)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """The login row: staff by address and local password, or one developer.

    A developer's row is made at the first proven sign-in and never has a usable
    local password. The same person may be both; neither becomes the other.
    """

    email = models.EmailField(null=True, unique=True, blank=True)
    name = models.CharField(max_length=200, blank=True)
    developer = models.OneToOneField(
        Developer, null=True, blank=True, on_delete=models.PROTECT
    )
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        # The admin lists only staff: developers are looked at as developers.
        verbose_name = "staff member"
        verbose_name_plural = "staff"
        constraints = [
            # "!" begins Django's unusable passwords.
            models.CheckConstraint(
                name="staff_or_developer",
                condition=(
                    Q(is_staff=True, email__isnull=False, developer=None)
                    | Q(
                        is_staff=False,
                        is_superuser=False,
                        email=None,
                        developer__isnull=False,
                        password__startswith="!",  # noqa: S106  no password
                    )
                ),
            ),
        ]

    def __str__(self) -> str:
        # Columns that keep who did something are no longer.
        return (self.name or self.email or str(self.developer))[:200]

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)


class BrowserSession(AbstractBaseSession):
    """One browser's session, of a developer, of staff, or of nobody yet.

    `session_key` is a digest of what the cookie holds: whoever reads the table can't
    be anybody. Written by developers/session_store.py alone.
    """

    user = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, related_name="sessions"
    )
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"session since {self.seen_at:%Y-%m-%d %H:%M}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        # By its name, since the store's module needs this one.
        store: type[SessionBase] = import_string(
            f"{settings.SESSION_ENGINE}.SessionStore"
        )
        return store


class Choices(models.Model):
    """What a developer decided about mails and their picture; no row: the defaults."""

    developer = models.OneToOneField(
        Developer, primary_key=True, on_delete=models.CASCADE
    )
    unwanted_mails = models.JSONField(default=list)  # developers/mail_choices.py
    # Consent to ask Gravatar, with the time it was given; null: never asked.
    gravatar_since = models.DateTimeField(null=True)
    picture = models.BinaryField(null=True)  # PNG, made anew from what they sent
    picture_asked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"choices of {self.developer_id}"


class SignUp(models.Model):
    """Somebody typed an address; nothing is in Tyk until the mail proves it."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for the link to be opened"
        SENDING = "sending", "being created in Tyk"
        DONE = "done", "account made"
        CANCELLED = "cancelled", "cancelled"

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.CharField(max_length=254)
    email_key = models.CharField(max_length=254, db_index=True)
    fields = models.JSONField(default=dict)
    next_url = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    tyk_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"sign-up {self.code}"


class MailedLink(models.Model):
    """A link that proves a mailbox: open, taken (compare-and-set), used.

    The token is made by the worker that mails it and stored as a digest only;
    until then `digest` is null. "Certainly not done" gives a taken link back; a
    crash lets it lapse.
    """

    class Purpose(models.TextChoices):
        CONFIRM = "confirm", "confirm the address"
        RESET = "reset", "choose a new password"
        NEW_ADDRESS = "new_address", "confirm a new address"

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purpose = models.CharField(max_length=12, choices=Purpose)
    digest = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001  null = no token yet, and unique
    # The address as typed; who it belongs to is decided in the worker.
    email = models.CharField(max_length=254)
    email_key = models.CharField(max_length=254, db_index=True)
    # new_address: what it takes the place of, in Tyk's spelling. Told afterwards.
    old_email = models.CharField(max_length=254, blank=True)
    signup = models.ForeignKey(SignUp, null=True, on_delete=models.CASCADE)
    developer = models.ForeignKey(Developer, null=True, on_delete=models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    taken_until = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} link {self.code}"


class ProfileEdit(models.Model):
    """A wish to change a developer record in Tyk, carried out by read-merge-write.

    `before`, `after`, `theirs` map members to values: `inactive` to a boolean,
    `fields.<name>` to a text, where "" stands for a field that is not there.
    """

    class State(models.TextChoices):
        DUE = "due", "on its way"
        DONE = "done", "done"
        CONFLICT = "conflict", "Tyk holds another value"
        REFUSED = "refused", "not accepted by Tyk"
        DROPPED = "dropped", "dropped"

    developer = models.ForeignKey(Developer, on_delete=models.CASCADE)
    before = models.JSONField()
    after = models.JSONField()
    # Values of a member that may already have reached Tyk: a later wish that takes
    # the earlier one's place must not call our own write somebody else's.
    sent = models.JSONField(default=dict)
    theirs = models.JSONField(default=dict)  # conflict: what Tyk held instead
    note = models.CharField(max_length=300, blank=True)  # refused: why, in our words
    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # A later wish is merged into the waiting one.
            models.UniqueConstraint(
                fields=["developer"],
                condition=Q(state="due"),
                name="one_due_profile_edit",
            ),
        ]

    def __str__(self) -> str:
        return f"profile edit {self.pk}"


class HeldBefore(models.Model):
    """What a record held just before a write of ours; until it is looked at again.

    See developers/vanished.py.
    """

    developer = models.OneToOneField(Developer, on_delete=models.CASCADE)
    # Fingerprints of key ids (tyk.seal.key_fingerprints), never the ids.
    fps = models.JSONField(default=list)
    kept_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"held by {self.developer_id}"


class ThrottleCount(models.Model):
    """Counts tries in one window; keys are HMACs, never addresses."""

    key = models.CharField(max_length=200, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
