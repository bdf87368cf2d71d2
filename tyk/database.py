"""The portal's own database fails under a worker: a lock held too long, a restart.

Nothing is lost by it. What was not committed is not done, and is due still; so a
worker notes it, drops the broken connection, and goes on with the next thing.
"""

import logging

from django.db import DatabaseError, InterfaceError, OperationalError, connection

log = logging.getLogger(__name__)

#: All that a statement of ours may raise.
FAILURES = (DatabaseError, InterfaceError)
#: An outage of the database, as opposed to a statement it will refuse again.
OUTAGE = (OperationalError, InterfaceError)


def survived(what: str, error: DatabaseError | InterfaceError) -> str:
    """One log event, and a connection that works again next time; why, in words.

    The database's own text is left out: it may quote a row.
    """
    why = f"database: {type(error).__name__}"
    log.error("database failed", extra={"during": what, "why": why})
    connection.close_if_unusable_or_obsolete()
    return why
