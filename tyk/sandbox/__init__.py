"""An embedded Tyk Dashboard over real sockets.

Same shapes, statuses and quirks as the real one, with switches for what public
material leaves open, a fault plan, a journal and a truth to compare with. Shares no
code with the client in `tyk.dashboard`: a mistake must not hide in both.
"""

from tyk.sandbox.box import Sandbox
from tyk.sandbox.faults import Fault
from tyk.sandbox.journal import Entry, Journal
from tyk.sandbox.seed_people import DEMO_DEVELOPER, DEMO_INACTIVE
from tyk.sandbox.switches import DEFAULT, PROFILES, Switches
from tyk.sandbox.truth import KeyRecord
from tyk.sandbox.world import DEFAULT_ORG as DEMO_ORG

__all__ = [
    "DEFAULT",
    "DEMO_DEVELOPER",
    "DEMO_INACTIVE",
    "DEMO_ORG",
    "PROFILES",
    "Entry",
    "Fault",
    "Journal",
    "KeyRecord",
    "Sandbox",
    "Switches",
]
