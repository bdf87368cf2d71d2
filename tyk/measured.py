"""How many calls went to the Dashboard, and what came of them, in this process.

Counted in memory: each web and worker process has figures of its own, and starts
at zero.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

from tyk.dashboard.caller import CallEvent

REGISTRY = CollectorRegistry()
NOT_TRIED = frozenset({"shed", "breaker", "no_time"})

CALLS = Counter(
    "portal_dashboard_calls",
    "Calls to the Dashboard by this process, by operation and outcome.",
    ["operation", "outcome"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "portal_dashboard_call_seconds",
    "Seconds a call to the Dashboard by this process took, from connect to last byte.",
    registry=REGISTRY,
    buckets=[0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
)


_tried = 0


def tried() -> int:
    """How many calls this process has sent so far, whatever came of them.

    For "were there any?": two threads may count one call instead of two.
    """
    return _tried


def count(event: CallEvent) -> None:
    """Count one exchange. Labels are names of ours, never what anybody sent.

    A call that was never tried counts as why it was not, and takes no time.
    """
    global _tried
    if event.reason in NOT_TRIED:
        CALLS.labels(event.operation, event.reason).inc()
        return
    _tried += 1
    CALLS.labels(event.operation, event.outcome).inc()
    SECONDS.observe(event.seconds)
