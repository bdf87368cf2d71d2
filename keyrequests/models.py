"""Asking, deciding, minting, holding: the rows of one developer's access.

KeyRequest   pending ─► approved ─► granted       (claimed here, or made in Tyk)
                │  │        └─────► lapsed        (policy gone, or too old)
                │  └─► declined                   (by staff here, or in Tyk)
                └────► withdrawn                  (by the developer)

Mint         sending ─► shown                     (the one page with the key)
                │ └───► refused                   (Tyk said no; nothing was made)
                └─► unsure ─► lost | refused      (the answer was lost; settled)

Key          live ─► revoking ─► revoked          (asked here)
                └──────────────► gone             (Tyk no longer lists it)
"""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from catalogue.models import Entry, Plan
from developers.models import Developer
from keyrequests.wishes import PolicyChange as PolicyChange  # a table of this app


class RequestQuerySet(models.QuerySet["KeyRequest"]):
    def of(self, developer: Developer) -> Self:
        return self.filter(developer=developer)

    def waiting(self) -> Self:
        """To be decided by staff, oldest first."""
        return self.filter(status=KeyRequest.Status.PENDING).order_by(
            "created_at", "pk"
        )


class KeyRequest(models.Model):
    """A developer asks for a plan and says why; someone decides. Grants no key."""

    class Status(models.TextChoices):
        PENDING = "pending", "in review"
        APPROVED = "approved", "approved, key not claimed"
        GRANTED = "granted", "key made"
        DECLINED = "declined", "declined"
        WITHDRAWN = "withdrawn", "withdrawn"
        LAPSED = "lapsed", "lapsed"

    class Origin(models.TextChoices):
        PORTAL = "portal", "asked here"
        TYK = "tyk", "made in Tyk"

    class DecidedIn(models.TextChoices):
        NOBODY = "", "not decided"
        STAFF = "staff", "by staff here"
        RULE = "rule", "automatically"
        TYK = "tyk", "in the Tyk Dashboard"

    #: Which status may follow which; the database moves by compare-and-set.
    NEXT = {
        Status.PENDING: {
            Status.APPROVED,
            Status.GRANTED,
            Status.DECLINED,
            Status.WITHDRAWN,
        },
        Status.APPROVED: {Status.GRANTED, Status.LAPSED},
    }

    # Also marks the record in Tyk as made for this row.
    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    developer = models.ForeignKey(
        Developer, on_delete=models.PROTECT, related_name="requests"
    )
    origin = models.CharField(max_length=6, choices=Origin, default=Origin.PORTAL)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    entry = models.ForeignKey(Entry, null=True, blank=True, on_delete=models.SET_NULL)
    entry_name = models.CharField(max_length=200)  # outlives the entry
    project = models.CharField(max_length=100, blank=True)
    answers = models.JSONField(default=dict)
    redirect_uri = models.CharField(max_length=2000, blank=True)
    nonce = models.UUIDField(default=uuid.uuid4)
    tyk_id = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001  null = not delivered, and unique
    # What the mirror saw last: "", pending, approved, gone.
    tyk_state = models.CharField(max_length=10, blank=True)
    missing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="decisions",
    )
    decided_at = models.DateTimeField(null=True)
    decided_in = models.CharField(
        max_length=5, choices=DecidedIn, blank=True, default=DecidedIn.NOBODY
    )
    reason = models.TextField(blank=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        verbose_name = "key request"
        constraints = [
            # A form posted twice, in two tabs or by a double click, asks once.
            models.UniqueConstraint(
                fields=["developer", "nonce"], name="one_request_per_form"
            ),
        ]
        indexes = [
            # The review queue: few of many rows are pending.
            models.Index(
                fields=["created_at"],
                condition=Q(status="pending"),
                name="keyrequest_queue",
            ),
            models.Index(
                fields=["developer", "-created_at"], name="keyrequest_of_developer"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.entry_name}"

    def get_absolute_url(self) -> str:
        return reverse("keyrequests:request", args=[self.code])

    @property
    def number(self) -> str:
        """What people call it; the address in a URL is `code`."""
        return f"R-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status in {self.Status.PENDING, self.Status.APPROVED}

    def move(self, to: "KeyRequest.Status", **also: object) -> bool:
        """Compare-and-set to `to` from any status that may precede it.

        True if this call moved it; False if somebody was quicker. Fields in
        `also` are written with it.
        """
        before = [old for old, new in self.NEXT.items() if to in new]
        moved = KeyRequest.objects.filter(pk=self.pk, status__in=before).update(
            status=to, **also
        )
        self.refresh_from_db()
        if moved and not self.is_open:
            RequestedPlan.objects.filter(request=self).update(open=False)
        return bool(moved)


class RequestedPlan(models.Model):
    """Which policies a request asks for; open until a key exists or it ended."""

    request = models.ForeignKey(
        KeyRequest, on_delete=models.CASCADE, related_name="plans"
    )
    developer = models.ForeignKey(Developer, on_delete=models.CASCADE)
    policy_id = models.CharField(max_length=64)
    plan = models.ForeignKey(Plan, null=True, on_delete=models.SET_NULL)
    open = models.BooleanField(default=True)
    origin = models.CharField(
        max_length=6, choices=KeyRequest.Origin, default=KeyRequest.Origin.PORTAL
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            # Two tabs ask for one plan: one request. Tyk itself allows
            # duplicates, so rows mirrored from there are not bound.
            models.UniqueConstraint(
                fields=["developer", "policy_id"],
                condition=Q(open=True, origin="portal"),
                name="one_open_request_per_plan",
            ),
        ]

    def __str__(self) -> str:
        return self.policy_id


class Key(models.Model):
    """A key in Tyk. We keep its id sealed, and a fingerprint to find it by."""

    class Kind(models.TextChoices):
        TOKEN = "token", "token"
        BASIC = "basic", "user name and password"
        OAUTH = "oauth", "OAuth client"

    class State(models.TextChoices):
        LIVE = "live", "active"
        REVOKING = "revoking", "being revoked, still live"
        REVOKED = "revoked", "revoked"
        GONE = "gone", "no longer in Tyk"

    class Origin(models.TextChoices):
        CLAIMED = "claimed", "claimed here"
        FOUND = "found", "found in Tyk"

    class UsageTrouble(models.TextChoices):
        NONE = "", "none"
        AWAY = "away", "the Dashboard was away"
        REFUSED = "refused", "the Dashboard did not give it out"
        OFF = "off", "off: it would need the raw key"

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    developer = models.ForeignKey(
        Developer, on_delete=models.PROTECT, related_name="keys"
    )
    request = models.ForeignKey(
        KeyRequest,
        null=True,
        on_delete=models.SET_NULL,
        related_name="keys",
    )
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.TOKEN)
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.CLAIMED)
    name = models.CharField(max_length=100, blank=True)
    # Null until the id was read back after a claim.
    sealed_id = models.BinaryField(null=True)
    fp = models.CharField(max_length=64, null=True)  # noqa: DJ001  null = id not known yet, and unique
    state = models.CharField(max_length=8, choices=State, default=State.LIVE)
    created_at = models.DateTimeField()
    # Not listed at the last look: two looks say that it is gone.
    missing_since = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)  # when a replaced key is revoked
    ended_at = models.DateTimeField(null=True)
    # Usage: read whole at, tried at, why the last try failed, last looked at.
    usage_as_of = models.DateTimeField(null=True)
    usage_tried_at = models.DateTimeField(null=True)
    usage_trouble = models.CharField(
        max_length=8, choices=UsageTrouble, blank=True, default=UsageTrouble.NONE
    )
    usage_wanted_at = models.DateTimeField(null=True)
    # Quota reset at; what that hour and that day had counted by then.
    reset_at = models.DateTimeField(null=True)
    reset_hour_hits = models.PositiveBigIntegerField(default=0)
    reset_day_hits = models.PositiveBigIntegerField(default=0)
    quota_near_told_at = models.DateTimeField(null=True)
    quota_full_told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Tyk's key hashes collide across many developers: unique per developer.
            models.UniqueConstraint(fields=["developer", "fp"], name="one_row_per_key"),
        ]
        indexes = [
            models.Index(fields=["developer", "-created_at"], name="key_of_developer"),
            # Whose usage is to be read next: looked for every minute.
            models.Index(fields=["usage_tried_at"], name="key_usage_tried"),
        ]

    def __str__(self) -> str:
        return self.name or self.masked

    def get_absolute_url(self) -> str:
        return reverse("keyrequests:key", args=[self.code])

    @property
    def masked(self) -> str:
        """The last four of the fingerprint, never of the key."""
        return f"•••• {self.fp[-4:]}" if self.fp else "•••• not read yet"

    @property
    def works(self) -> bool:
        """Whether Tyk still accepts it, as far as we know."""
        return self.state in {self.State.LIVE, self.State.REVOKING}


class KeyPolicy(models.Model):
    """A policy a key carries; without a plan it shows as "(No Catalog Entry)"."""

    key = models.ForeignKey(Key, on_delete=models.CASCADE, related_name="policies")
    policy_id = models.CharField(max_length=64)
    plan = models.ForeignKey(Plan, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["pk"]  # a page names its plans in one order, whatever was edited
        constraints = [
            models.UniqueConstraint(
                fields=["key", "policy_id"], name="one_row_per_key_policy"
            ),
        ]

    def __str__(self) -> str:
        return self.policy_id


class Mint(models.Model):
    """One act of making a key in Tyk and showing it once. Holds no key."""

    class State(models.TextChoices):
        SENDING = "sending", "being made"
        UNSURE = "unsure", "the answer was lost"
        SHOWN = "shown", "shown"
        LOST = "lost", "made but never shown, then removed or set aside"
        REFUSED = "refused", "not made"

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request = models.ForeignKey(
        KeyRequest, on_delete=models.PROTECT, related_name="mints"
    )
    replaces = models.ForeignKey(
        Key,
        null=True,
        on_delete=models.SET_NULL,
        related_name="replaced_by",
    )
    state = models.CharField(max_length=8, choices=State, default=State.SENDING)
    # The Tyk request it approves; "" until a replacement's own was made.
    tyk_request_id = models.CharField(max_length=64, blank=True)
    # Fingerprints of what the developer held just before: what is new is ours.
    before = models.JSONField(default=list)
    started_at = models.DateTimeField()
    # When its answer was lost. Tyk may still act on it much later: it is audited.
    unsure_at = models.DateTimeField(null=True)
    # Tyk may have handed the key out by mail: then it is never ours to remove.
    mailed = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True)
    # Looks of the audit that ended with an answer; see push.audit.
    audits = models.PositiveSmallIntegerField(default=0, db_default=0)
    key = models.OneToOneField(
        Key, null=True, on_delete=models.SET_NULL, related_name="mint"
    )

    class Meta:
        constraints = [
            # Two clicks on "Reveal my key" make one key.
            models.UniqueConstraint(
                fields=["request"],
                condition=Q(state__in=["sending", "unsure"]),
                name="one_unfinished_mint_per_request",
            ),
        ]

    def __str__(self) -> str:
        return f"mint {self.code}"

    @property
    def marked_by(self) -> uuid.UUID:
        """Whose code the key carries: its Tyk request's, own or the first one's."""
        first = self.tyk_request_id and self.tyk_request_id == self.request.tyk_id
        return self.request.code if first else self.code


class _Counted(models.Model):
    """Calls of one key within one stretch of time, as the gateway counted them.

    Tyk's `success` and `error` may not add up to its `hits`; here they always do
    (`hits` counts what is neither as an error), so that no page contradicts itself.
    """

    hits = models.PositiveBigIntegerField(default=0)
    ok = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)

    class Meta:
        abstract = True


class UsageDay(_Counted):
    """One UTC day of one key; kept for `USAGE_DAYS`."""

    key = models.ForeignKey(Key, on_delete=models.CASCADE, related_name="usage")
    day = models.DateField()
    last_hit = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "day"], name="one_row_per_day"),
            models.CheckConstraint(
                condition=Q(hits=F("ok") + F("errors")), name="a_day_adds_up"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day}"


class UsageHour(_Counted):
    """One hour of one key, beginning at `hour`; kept for three days."""

    key = models.ForeignKey(Key, on_delete=models.CASCADE, related_name="usage_hours")
    hour = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "hour"], name="one_row_per_hour"),
            models.CheckConstraint(
                condition=Q(hits=F("ok") + F("errors")), name="an_hour_adds_up"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}"


class Event(models.Model):
    """The time line people see and the audit trail. Only ever added to."""

    class Verb(models.TextChoices):
        SENT = "sent", "sent the request"
        DELIVERED = "delivered", "request reached Tyk"
        APPROVED = "approved", "approved"
        DECLINED = "declined", "declined"
        WITHDRAWN = "withdrawn", "withdrew the request"
        CHANGED = "changed", "changed the request"
        LAPSED = "lapsed", "the approval lapsed"
        CLAIMED = "claimed", "claimed the key"
        UNSURE = "unsure", "the answer to a claim was lost"
        SETTLED = "settled", "a lost claim was settled"
        FOUND = "found", "a key was found in Tyk"
        REPLACED = "replaced", "replaced the key"
        LEAKED = "leaked", "reported that the key leaked"
        REVOKE_ASKED = "revoke_asked", "asked to revoke the key"
        REVOKED = "revoked", "the key was revoked"
        PLANS_ASKED = "plans_asked", "asked to change the plan"
        PLANS_SET = "plans_set", "the plan was changed"
        QUOTA_ASKED = "quota_asked", "asked to reset the quota"
        QUOTA_RESET = "quota_reset", "the quota was reset"
        REFUSED = "refused", "a decision was refused"

    request = models.ForeignKey(
        KeyRequest, null=True, on_delete=models.PROTECT, related_name="events"
    )
    key = models.ForeignKey(
        Key, null=True, on_delete=models.PROTECT, related_name="events"
    )
    verb = models.CharField(max_length=12, choices=Verb)
    # "" is the portal itself.
    actor = models.CharField(max_length=200, blank=True)
    # Whoever has the account: told as "you", and forgotten with it by any name.
    by_owner = models.BooleanField(default=False)
    at = models.DateTimeField()
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["request", "-at"], name="event_of_request"),
            models.Index(fields=["key", "-at"], name="event_of_key"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.at:%Y-%m-%d %H:%M}"
