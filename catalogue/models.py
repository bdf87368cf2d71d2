"""What can be asked for: plans (one Tyk policy each) and the entries they stand in."""

import re
import uuid
from typing import Self

from django.db import models
from django.db.models import F, Q
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


class DocumentQuerySet(models.QuerySet["Document"]):
    def light(self) -> Self:
        """Without the two copies of the text, which may be megabytes."""
        return self.defer("body", "viewer")

    def in_order_of_trust(self) -> Self:
        """What staff uploaded before what Tyk holds."""
        return self.order_by("entry_id", "source")


class Document(models.Model):
    """The description of an entry's API: one from Tyk, one from staff, which wins.

    A document id of Tyk's stands for one content for ever: the API makes and
    deletes documents and changes none (Tyk docs, portal-documentation). So
    `tyk_id` says whether there is anything to fetch.
    """

    class Source(models.TextChoices):
        # In this order: "staff" sorts before "tyk".
        STAFF = "staff", "uploaded here"
        TYK = "tyk", "from Tyk"

    class State(models.TextChoices):
        SHOWN = "shown", "shown"
        LINK = "link", "a link to another site"
        BROKEN = "broken", "can't be shown"
        ABSENT = "absent", "not handed out by Tyk"

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="documents")
    source = models.CharField(max_length=5, choices=Source, default=Source.TYK)
    state = models.CharField(max_length=6, choices=State, default=State.SHOWN)
    tyk_id = models.CharField(max_length=64, blank=True)
    format = models.CharField(max_length=20, default="openapi")  # "OpenAPI 3.1"
    syntax = models.CharField(max_length=4, default="json")  # json, yaml or text
    title = models.CharField(max_length=200, blank=True)
    version = models.CharField(max_length=40, blank=True)
    body = models.TextField(blank=True)  # as it came; of a link its address
    digest = models.CharField(max_length=64)
    viewer = models.TextField(blank=True)  # JSON for the viewer
    outline = models.JSONField(default=dict)  # catalogue.openapi.Outline
    words = models.TextField(blank=True)  # for the search
    problem = models.CharField(max_length=300, blank=True)  # why it is broken
    updated_at = models.DateTimeField(auto_now=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            # An upload stands beside Tyk's document and never over it, so that
            # taking it back brings Tyk's to light again.
            models.UniqueConstraint(
                fields=["entry", "source"], name="one_document_per_source"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.entry}"

    @property
    def file_name(self) -> str:
        """ "orders-2.4.0.yaml": what a downloaded copy is called."""
        kind = {"yaml": "yaml", "json": "json"}.get(self.syntax, "txt")
        version = re.sub(r"[^A-Za-z0-9.]+", "-", self.version).strip("-.")
        return f"{self.entry.slug}{version and f'-{version}'}.{kind}"


class Shelf(models.Model):
    """One row whose version rises with every change a reader could see."""

    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            # One version for all: bodies kept for visitors are named by it.
            models.CheckConstraint(condition=Q(pk=1), name="one_shelf"),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"

    @classmethod
    def changed(cls) -> None:
        """Say in the caller's transaction that pages kept so far are old."""
        raised = Shelf.objects.filter(pk=1).update(version=F("version") + 1)
        if not raised:
            Shelf.objects.bulk_create([Shelf(pk=1, version=1)], ignore_conflicts=True)
