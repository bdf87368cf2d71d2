"""What operators see of the work owed to Tyk, of the pulls and of alarms."""

from django.contrib import admin

from tyk import desk
from tyk.admin_outbox import OutboxAdmin
from tyk.admin_readonly import CappedPaginator, ReadOnlyAdmin
from tyk.admin_sync import PullStateAdmin
from tyk.models import Alarm, Organisation, Outbox, PullState

__all__ = ["CappedPaginator", "ReadOnlyAdmin"]

admin.site.register(Outbox, OutboxAdmin)
admin.site.register(PullState, PullStateAdmin)


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """What staff were told of by mail, newest first."""

    list_display = ["raised_at", "cause", "about", "note", "over_at"]
    list_filter = ["cause"]
    ordering = ["-pk"]
    sortable_by = ()
    fields = ["cause", "about", "note", "raised_at", "well_since", "over_at"]
    empty_value_display = "not yet"

    @admin.display(description="about", empty_value="")
    def about(self, row: Alarm) -> str | None:
        if row.cause == Alarm.Cause.PARKED:
            return desk.words_of(row.subject.partition(":")[0])
        return row.subject if row.cause == Alarm.Cause.HELD_BACK else None


@admin.register(Organisation)
class OrganisationAdmin(ReadOnlyAdmin):
    """The settings read from Tyk; they are changed in the Tyk Dashboard."""

    list_display = [
        "org_id",
        "credential_state",
        "require_key_approval",
        "disable_signup",
        "key_mail_on",
        "read_at",
    ]
