"""What can be asked for: plans (one Tyk policy each) and the entries they stand in."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.urls import reverse

from catalogue import text, words


class Plan(models.Model):
    """The mirror of one Tyk policy, in figures a developer can choose by.

    `rate` calls per `per` seconds, `quota_max` calls per `quota_period` seconds;
    zero or less means no limit (Tyk writes -1 and 0 for it). With
    limits that differ by API they stand in `per_api` and the others mean nothing.
    """

    oid = models.CharField(max_length=64, unique=True)  # the policy's _id
    ref = models.CharField(max_length=200, db_index=True)  # its id, maybe custom
    name = models.CharField(max_length=200)
    rate = models.FloatField(default=0)
    per = models.FloatField(default=0)
    quota_max = models.BigIntegerField(default=-1)
    quota_period = models.BigIntegerField(default=0)
    key_expires_in = models.BigIntegerField(default=0)  # seconds; 0: never
    per_api = models.JSONField(default=list)
    apis = models.JSONField(default=list)  # [[api id, api name], …]
    auth_kind = models.CharField(max_length=20, default="token")
    live = models.BooleanField(default=False)
    digest = models.CharField(max_length=64, blank=True)
    read_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @property
    def offered(self) -> bool:
        return self.live and self.gone_at is None

    @property
    def limits_words(self) -> str:
        """ "60 calls a minute, 10 000 a day, resets 24 hours after the first call"."""
        return words.limits(self)


class EntryQuerySet(models.QuerySet["Entry"]):
    def present(self) -> Self:
        return self.filter(gone_at=None)

    def on_the_shelf(self) -> Self:
        """Entries a visitor sees: shown, and keyless or leading to a live plan."""
        return (
            self.present()
            .filter(shown=True)
            .filter(Q(keyless=True) | Q(plan__live=True, plan__gone_at=None))
            .select_related("plan")
        )


class Entry(models.Model):
    """One entry of Tyk's catalogue. Tyk gives entries no id: the slug is ours."""

    slug = models.SlugField(max_length=120, unique=True)  # for ever, never reused
    name = models.CharField(max_length=200)
    short_text = models.TextField(blank=True)
    long_text = models.TextField(blank=True)  # as typed at Tyk; rendered sanitised
    version = models.CharField(max_length=40, blank=True)
    policy_id = models.CharField(max_length=64, blank=True)
    api_id = models.CharField(max_length=64, blank=True)
    plan = models.ForeignKey(
        Plan, null=True, on_delete=models.SET_NULL, related_name="entries"
    )
    shown = models.BooleanField(default=False)
    keyless = models.BooleanField(default=False)
    auth_kind = models.CharField(max_length=20, blank=True)
    # None: the organisation's setting holds.
    approval_override = models.BooleanField(null=True)
    ask_fields = models.JSONField(null=True)
    documentation_id = models.CharField(max_length=64, blank=True)
    position = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    read_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("catalogue:entry", args=[self.slug])

    @property
    def kind(self) -> str:
        """How calls authenticate: the entry's word, else its plan's, else a token."""
        if self.keyless:
            return "keyless"
        return self.auth_kind or (self.plan.auth_kind if self.plan else "token")

    @property
    def limits_words(self) -> str:
        """The plan's limits in a line; "" where no plan limits anything."""
        return self.plan.limits_words if self.plan and not self.keyless else ""

    @property
    def summary(self) -> str:
        """The short text without tags; not safe by itself, escape as usual."""
        return text.plain(self.short_text)


class Document(models.Model):
    """A description of an entry's API, kept here: Tyk has no documented read."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entry = models.OneToOneField(
        Entry, on_delete=models.CASCADE, related_name="document"
    )
    format = models.CharField(max_length=20, default="openapi")
    body = models.TextField()
    digest = models.CharField(max_length=64)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.format} of {self.entry}"
