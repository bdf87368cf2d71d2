"""An embedded Tyk Dashboard over real sockets.

Same shapes, statuses and quirks as the real one, with switches for what public
material leaves open, a fault plan, a journal and a truth to compare with. Shares no
code with the client in `tyk.dashboard`: a mistake must not hide in both.
"""

from tyk.sandbox.box import Sandbox
from tyk.sandbox.faults import Fault
from tyk.sandbox.journal import Entry, Journal
from tyk.sandbox.switches import DEFAULT, PROFILES, Switches
from tyk.sandbox.truth import KeyRecord

__all__ = [
    "DEFAULT",
    "PROFILES",
    "Entry",
    "Fault",
    "Journal",
    "KeyRecord",
    "Sandbox",
    "Switches",
]
