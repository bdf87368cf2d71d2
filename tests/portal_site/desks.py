"""What tests of the desks share: commands run, staff with rights, a look done."""

from io import StringIO

from django.contrib.auth.models import Permission
from django.core.management import call_command

from developers.models import User
from portal_site import looks
from portal_site.models import DriftFinding, Look
from portal_site.tasks import WORK
from tests.factories import StaffFactory

LIST = "/admin/portal_site/driftfinding/"
DOCTOR = "/admin/portal_site/doctor/"


def _command(name: str, *options: str) -> tuple[int, str]:
    """Exit code and everything said."""
    out = StringIO()
    try:
        call_command(name, *options, stdout=out, stderr=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def drift_command(*options: str) -> tuple[int, str]:
    return _command("drift", *options)


def doctor_command(*options: str) -> tuple[int, str]:
    return _command("doctor", *options)


def staff_with(name: str, *rights: str) -> User:
    """Staff who hold these rights of the portal's own pages, and no other."""
    user: User = StaffFactory(name=name)
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="portal_site", codename__in=rights
        )
    )
    return user


def look(kind: Look.Kind = Look.Kind.DRIFT, *, by: str = "Olga") -> Look:
    """Ask for a look and let the worker do it; the row afterwards."""
    looks.ask(kind, by=by)
    looks.run(kind, WORK[kind])
    return Look.objects.get(kind=kind)


def found() -> list[tuple[str, str, str, str]]:
    """What the page would list, in its order: field, here, there, owner."""
    return [
        (row.field, row.here, row.there, row.owner)
        for row in DriftFinding.objects.order_by("pk")
    ]
