"""The operators' pages of the composition root: drift, doctor, audit trail."""

from django.contrib import admin

from portal_site.admin_brand import BrandAdmin
from portal_site.doctor.desk import DoctorAdmin
from portal_site.drift.desk import DriftAdmin
from portal_site.models import Act, BrandVersion, Doctor, DriftFinding
from tyk.admin import ReadOnlyAdmin

admin.site.register(DriftFinding, DriftAdmin)
admin.site.register(Doctor, DoctorAdmin)
admin.site.register(BrandVersion, BrandAdmin)


@admin.register(Act)
class ActAdmin(ReadOnlyAdmin):
    """Who did or decided what on the desks, and what came of it."""

    counted = "acts"  # below the list
    list_display_links = None
    list_display = ["at", "actor", "verb", "about", "outcome"]
    list_filter = ["verb"]
    search_fields = ["actor", "record", "within"]
    search_help_text = "A name, or an id of Tyk"
    ordering = ["-pk"]

    @admin.display(description="about")
    def about(self, act: Act) -> str:
        if not act.record:
            return "-"
        within = f" of {act.within}" if act.within else ""
        return f"{act.kind} {act.record}{within}: {act.field}"

    @admin.display(description="outcome")
    def outcome(self, act: Act) -> str:
        told = act.get_state_display()
        return f"{told}. {act.note}" if act.note else told
