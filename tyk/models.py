"""What the portal knows of its organisation in Tyk, and the work still owed to it."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class CredentialState(models.TextChoices):
    UNKNOWN = "unknown", "not tried yet"
    ACCEPTED = "accepted", "accepted"
    REJECTED = "rejected", "rejected by the Dashboard"


class Organisation(models.Model):
    """The one Tyk organisation our credential belongs to, and its portal settings.

    An allow-list of Tyk's portal configuration, which itself carries secrets
    (`dcr_options.access_token`) and is never stored whole.
    """

    org_id = models.CharField(max_length=64, blank=True)
    # Begins every marker we write into Tyk, so that two portals on one
    # organisation never take each other's records for their own.
    instance = models.CharField(max_length=16)
    base_url_seen = models.CharField(max_length=500, blank=True)
    hash_keys = models.BooleanField(default=True)
    signup_fields = models.JSONField(default=list)
    key_request_fields = models.JSONField(default=list)
    # Until the first pull nothing is approved without a person.
    require_key_approval = models.BooleanField(default=True)
    disable_signup = models.BooleanField(default=False)
    catalogue_login_only = models.BooleanField(default=False)
    key_mail_on = models.BooleanField(default=False)
    secure_approval_on = models.BooleanField(default=False)
    manager_email = models.CharField(max_length=254, blank=True)
    # The doctor tried it: a record put back without a password loses it there.
    loses_passwords = models.BooleanField(default=False)
    credential_state = models.CharField(
        max_length=10, choices=CredentialState, default=CredentialState.UNKNOWN
    )
    credential_seen_at = models.DateTimeField(null=True)
    # Fingerprint of the TYK_API_KEY that was rejected while the next was accepted.
    moved_from = models.CharField(max_length=64, blank=True)
    pushes_paused = models.CharField(max_length=200, blank=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "organisation"
        constraints = [
            # There is one organisation per portal; every reader takes row 1.
            models.CheckConstraint(condition=Q(pk=1), name="one_organisation"),
        ]

    def __str__(self) -> str:
        return self.org_id or "organisation not read yet"

    @classmethod
    def current(cls) -> "Organisation":
        """The one row, made on first use with a random instance name."""
        row, _ = cls.objects.get_or_create(
            pk=1,
            defaults={
                "instance": secrets.token_hex(4),
                "org_id": settings.TYK_ORG_ID,
            },
        )
        return row

    @property
    def mails_keys(self) -> bool:
        """Whether Tyk itself would send a key, or a link to one, by mail."""
        return self.key_mail_on or self.secure_approval_on

    @property
    def refuses_edits(self) -> bool:
        """Whether changing a developer's record would lock its owner out."""
        return self.loses_passwords and not settings.EDITS_ACCEPT_LOST_PASSWORDS

    def marker(self, code: object) -> str:
        """The text that marks a record in Tyk as made by us for row `code`."""
        return f"{self.instance}.{code}"


class PullState(models.Model):
    """How the last pull of one kind went; pages say "as of" from it."""

    kind = models.CharField(max_length=40, primary_key=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    # When a person last asked for one out of turn.
    asked_at = models.DateTimeField(null=True)
    seen = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    retired = models.PositiveIntegerField(default=0)
    bad = models.PositiveIntegerField(default=0)
    held_back_reason = models.CharField(max_length=200, blank=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "pull"

    def __str__(self) -> str:
        return self.kind


class Lane(models.Model):
    """Keeps two writers to one developer apart: a lease by compare-and-set."""

    name = models.CharField(max_length=100, primary_key=True)
    epoch = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Outbox(models.Model):
    """Work owed to Tyk or to a mailbox: one row per kind and subject, no payload.

    `asked` rises in the transaction that wants something; `served` follows when
    both sides agree. Celery only wakes it: losing a message loses nothing.
    """

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=64)
    lane = models.CharField(max_length=100, blank=True)
    asked = models.PositiveIntegerField(default=0)
    served = models.PositiveIntegerField(default=0)
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    next_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    # Put off by an outage, nobody's fault: spaces out the tries, never parks.
    waits = models.PositiveIntegerField(default=0)
    # Committed before a write leaves: whoever finds it set must look first.
    sending_since = models.DateTimeField(null=True)
    # Set when an answer was lost: nobody looks before the quarantine is over.
    unsure_since = models.DateTimeField(null=True)
    parked_reason = models.CharField(max_length=200, blank=True)
    last_outcome = models.CharField(max_length=200, blank=True)
    # Up to which `asked` a person gave it up: over, but never done.
    abandoned = models.PositiveIntegerField(default=0)
    abandoned_at = models.DateTimeField(null=True)
    abandoned_by = models.CharField(max_length=200, blank=True)
    abandoned_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = "outbox row"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], name="one_outbox_row_per_subject"
            ),
            models.CheckConstraint(
                condition=Q(served__lte=F("asked")), name="served_never_before_asked"
            ),
        ]
        indexes = [
            # The sweep looks for due rows only; nearly all rows are served.
            models.Index(
                fields=["next_at"],
                condition=Q(asked__gt=F("served"), parked_reason=""),
                name="outbox_due",
            ),
            # The desk shows what is owed, parked or not, soonest first.
            models.Index(
                fields=["next_at"],
                condition=Q(asked__gt=F("served")),
                name="outbox_owed",
            ),
            # Desk, metrics, doctor and alarms count parked rows by kind, every
            # minute, also while an outage leaves a hundred thousand others due.
            models.Index(
                fields=["kind", "asked_at"],
                condition=Q(asked__gt=F("served")) & ~Q(parked_reason=""),
                name="outbox_parked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Alarm(models.Model):
    """Something staff were told of by mail: one row per cause, until it is over.

    The mail goes out when the row is made, and for some causes another one when it
    ends, so that fifty failing rows make one mail and not fifty a minute.
    """

    class Cause(models.TextChoices):
        KEY_REJECTED = "key_rejected", "the Dashboard rejects our key"
        KEY_MOVED = "key_moved", "the next key is in use"
        HELD_BACK = "held_back", "a pull is held back"
        STALE = "stale", "the mirror is not read any more"
        PARKED = "parked", "work is parked"
        KEYS_LOST = "keys_lost", "keys vanished beside a write of ours"

    cause = models.CharField(max_length=12, choices=Cause)
    # What tells two of one cause apart: a kind of pull, a kind of work, a row.
    subject = models.CharField(max_length=120, blank=True)
    # Words from our own tables. Never a secret, and nobody's address.
    note = models.CharField(max_length=300, blank=True)
    raised_at = models.DateTimeField()
    # First seen to be well again; it must stay so a while before it is over.
    well_since = models.DateTimeField(null=True)
    over_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Two watchers see one cause: one mail.
            models.UniqueConstraint(
                fields=["cause", "subject"],
                condition=Q(over_at=None),
                name="one_alarm_per_cause",
            ),
        ]

    def __str__(self) -> str:
        return self.get_cause_display()
