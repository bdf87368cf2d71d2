"""What operators looked at and decided (looks, findings, the trail); the brand."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Look(models.Model):
    """A long look that staff ask for and a worker takes: drift, or the doctor's.

    As with the outbox, the row is the queue: due while asked > served, held by a
    lease that the worker renews. What the last complete look found stays until
    the next one is complete.
    """

    class Kind(models.TextChoices):
        DRIFT = "drift", "drift"
        DOCTOR = "doctor", "doctor"

    kind = models.CharField(max_length=10, primary_key=True, choices=Kind)
    asked = models.PositiveIntegerField(default=0)
    served = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    asked_by = models.CharField(max_length=200, blank=True)
    scratch = models.BooleanField(default=False)  # the doctor's scratch developer
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)  # leases since it was asked for
    began_at = models.DateTimeField(null=True)
    # How far it is: what is being read, and how many records were.
    step = models.CharField(max_length=80, blank=True)
    read = models.PositiveIntegerField(default=0)
    completed_at = models.DateTimeField(null=True)
    completed_by = models.CharField(max_length=200, blank=True)
    shown = models.PositiveIntegerField(default=0)  # epoch whose findings are shown
    found = models.PositiveIntegerField(default=0)  # of these; more than are kept
    failed_at = models.DateTimeField(null=True)  # since the last complete look
    failure = models.CharField(max_length=500, blank=True)
    results = models.JSONField(default=list)  # the doctor's findings

    class Meta:
        # The page's own rows (differences, the doctor) carry the rights.
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(served__lte=F("asked")), name="look_served_never_before"
            ),
        ]

    def __str__(self) -> str:
        return self.kind

    @property
    def is_due(self) -> bool:
        return self.asked > self.served

    @property
    def is_running(self) -> bool:
        return (
            self.is_due
            and self.lease_until is not None
            and self.lease_until > timezone.now()
        )

    @property
    def waits_long(self) -> bool:
        """Asked for a while ago, and no worker took it."""
        patience = timezone.now() - timedelta(seconds=60)
        return (
            self.is_due
            and not self.is_running
            and self.asked_at is not None
            and self.asked_at < patience
        )


class Doctor(Look):
    """The doctor's look, as the admin lists it."""

    class Meta:
        proxy = True
        default_permissions = ("view", "change")
        verbose_name = verbose_name_plural = "doctor"


class DriftFinding(models.Model):
    """One difference between mirror and Tyk, as the look number `run` met it.

    Values are as they may be shown: cut, and without what looks like a secret.
    """

    run = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    record = models.CharField(max_length=200)
    within = models.CharField(max_length=64, blank=True)
    field = models.CharField(max_length=100)
    here = models.CharField(max_length=100)
    there = models.CharField(max_length=100)
    owner = models.CharField(max_length=10)
    # Names the difference with both its values: another value, another name.
    fingerprint = models.CharField(max_length=64, db_index=True)
    ignored = models.BooleanField(default=False)
    found_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view", "change")
        verbose_name = "difference"
        verbose_name_plural = "drift"
        indexes = [
            models.Index(fields=["run", "ignored", "id"], name="finding_of_run"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.record}: {self.field}"


class Act(models.Model):
    """The audit trail of the desks: who did or decided what, and what came of it.

    Rows are only added; one that is open gets its end once. It names a
    difference by its place and its fingerprint, never by its values.
    """

    class Verb(models.TextChoices):
        COMPARE = "compare", "Compare mirror and Tyk"
        EXAMINE = "examine", "Have the doctor look"
        MEND = "mend", "Take all of Tyk's values"
        TAKE = "take", "Take Tyk's value"
        PUSH = "push", "Push ours to Tyk"
        IGNORE = "ignore", "Ignore until a value moves"
        NOTICE = "notice", "Ignore no longer"

    class State(models.TextChoices):
        DUE = "due", "On its way"
        STANDING = "standing", "Stands"
        DONE = "done", "Done"
        VANISHED = "vanished", "Nothing to do: the difference was gone"
        CHANGED = "changed", "Not done: it had changed meanwhile"
        STUCK = "stuck", "Not done"
        OVER = "over", "Over"

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    verb = models.CharField(max_length=10, choices=Verb)
    actor = models.CharField(max_length=200)  # a person, or "command line"
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20, blank=True)
    record = models.CharField(max_length=200, blank=True)
    within = models.CharField(max_length=64, blank=True)
    field = models.CharField(max_length=100, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.DONE)
    ended_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ("view",)
        verbose_name_plural = "audit trail"
        ordering = ["-pk"]
        constraints = [
            # Two staff at once: the second learns what the first decided.
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=Q(state__in=["due", "standing"]) & ~Q(fingerprint=""),
                name="one_open_act_per_difference",
            ),
        ]
        indexes = [models.Index(fields=["fingerprint"], name="act_of_difference")]

    def __str__(self) -> str:
        return f"{self.verb} {self.at:%Y-%m-%d %H:%M}"


class BrandVersion(models.Model):
    """One version of the company's face, as staff edited it.

    A draft is one person's, who may change it. What was published once never
    changes again, so that a roll-back brings back exactly what was there. With no
    live version, the BRAND_* settings hold.
    """

    number = models.PositiveIntegerField(null=True, unique=True)  # once published
    draft_of = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    # Whose it was built upon; None: the settings.
    began_from = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    words = models.JSONField()  # all but the pictures: see brand_versions.face_of
    logo = models.BinaryField(default=b"")
    logo_kind = models.CharField(max_length=20, blank=True)
    logo_dark = models.BinaryField(default=b"")  # always image/png
    digest = models.CharField(max_length=12, db_index=True)
    author = models.CharField(max_length=200)
    saved_at = models.DateTimeField()
    live = models.BooleanField(default=False)
    published_at = models.DateTimeField(null=True)  # the last time
    published_by = models.CharField(max_length=200, blank=True)

    class Meta:
        default_permissions = ()
        permissions = [("change_brand", "Can change the brand")]
        verbose_name = verbose_name_plural = "brand"
        ordering = ["-number"]
        constraints = [
            # Two staff publish at once: the second is told.
            models.UniqueConstraint(
                fields=["live"], condition=Q(live=True), name="one_live_brand"
            ),
            models.CheckConstraint(
                condition=Q(number=None, draft_of__isnull=False, live=False)
                | Q(number__isnull=False, draft_of=None),
                name="brand_is_draft_or_numbered",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}" if self.number else f"draft by {self.author}"
