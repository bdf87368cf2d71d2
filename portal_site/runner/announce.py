"""What a person needs to know once the portal is up."""

from portal_site.runner.plan import Plan
from portal_site.runner.terminal import say


def announce(plan: Plan, *, base_url: str, dashboard_url: str, staff: str) -> None:
    """Print where to go and who to be."""
    base_url = base_url.rstrip("/")
    rows = [("Portal", f"{base_url}/")]
    if plan.sandbox:
        rows.append(("  developer", _demo_developer()))
    rows += [
        ("Review requests", f"{base_url}/admin/"),
        ("  staff", staff),
        ("Mail", _mail(plan)),
    ]
    if plan.sandbox:
        rows.append(("Dashboard", f"{dashboard_url}/_sandbox/   (embedded)"))
    else:
        rows.append(("Dashboard", dashboard_url))
    rows.append(("Logs", str(plan.logs)))
    say()
    for name, value in rows:
        say(f"  {name:16} {value}")
    say()
    say("Ctrl-C stops everything; the next start goes on from here.")


def _mail(plan: Plan) -> str:
    if plan.mail_page:
        return f"http://127.0.0.1:{plan.mail_port}/"
    return "is sent as EMAIL_URL says"


def _demo_developer() -> str:
    from tyk.sandbox import DEMO_DEVELOPER  # only when there is a sandbox

    return f"{DEMO_DEVELOPER.email}   {DEMO_DEVELOPER.password}"
