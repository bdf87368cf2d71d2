"""What staff want changed about a key and Tyk does not have yet."""

from django.db import models
from django.db.models import Q


class PolicyChange(models.Model):
    """A wish that a key carries other policies, carried out by read-compare-write.

    Policies are ids as Tyk lists them. `sent` are sets that may already have
    reached Tyk: our own write must not be called somebody else's.
    """

    class State(models.TextChoices):
        DUE = "due", "on its way"
        DONE = "done", "done"
        CONFLICT = "conflict", "changed in Tyk meanwhile"
        DROPPED = "dropped", "dropped"

    key = models.ForeignKey(
        "keyrequests.Key", on_delete=models.CASCADE, related_name="policy_changes"
    )
    before = models.JSONField()
    after = models.JSONField()
    sent = models.JSONField(default=list)
    by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    # When Tyk first took what it does not show yet; an outage may lie before it.
    taken_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.DUE)

    class Meta:
        constraints = [
            # A later wish takes the waiting one's place.
            models.UniqueConstraint(
                fields=["key"], condition=Q(state="due"), name="one_due_policy_change"
            ),
        ]

    def __str__(self) -> str:
        return f"policy change {self.pk}"
