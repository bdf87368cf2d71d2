"""What is wrong with this installation: one finding a check, each with its fix.

findings       what a check says
dashboard      asks the Dashboard: key, rights, organisation, mails, shelf, clock
rows           reads our own tables: pulls, outbox, sealed ids
machine        looks around: settings, migrations, broker, worker, mail server
"""

from collections.abc import Iterator

from portal_site.doctor import dashboard, machine, rows
from portal_site.doctor.findings import Finding

__all__ = ["Finding", "examine"]


def examine(*, scratch: bool = False) -> Iterator[Finding]:
    """Every finding, as it is made; nothing is changed here or in Tyk.

    With `scratch` a developer of an invalid address is made in Tyk, read back and
    deleted, to see whether our marker survives; the finding says what was done.
    """
    yield from machine.findings()
    tables = machine.migrations()
    yield tables
    if not tables.ok:
        return
    yield from rows.findings()
    yield from dashboard.findings(scratch=scratch)
