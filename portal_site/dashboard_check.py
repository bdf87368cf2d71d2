"""Can the portal work with its Dashboard? If not: one sentence and the fix."""

from urllib.parse import urlsplit

from django.conf import settings

from tyk import connect
from tyk.dashboard.errors import (
    Busy,
    DashboardError,
    Misconfigured,
    NotFound,
    Unexpected,
    Unreachable,
)
from tyk.pull import WrongOrganisation

_KEY_IS_FOUND = (
    "It stands in the Dashboard under Users, Edit, Tyk Dashboard API Access "
    "Credentials."
)
# {url} and {host} are of TYK_DASHBOARD_URL; both may be shown, it holds no secret.
_UNREACHABLE = {
    "refused": "Nothing listens at {url}. Start the Dashboard, or set the right host "
    "and port in TYK_DASHBOARD_URL.",
    "dns": "There is no host {host}. Mend the name in TYK_DASHBOARD_URL, or the DNS "
    "of this machine.",
    "tls": "{url} did not prove who it is: its certificate is not trusted here, is for "
    "another name, or it does not speak TLS. Set TYK_CA_BUNDLE to the certificate "
    "of the authority that signed it, or write http:// if it has none.",
    "shed": "Too many calls to the Dashboard are under way here, so it was not asked. "
    "Try again; if it stays so, raise TYK_CALLS_IN_FLIGHT.",
    "breaker": "{url} did not answer the last calls, so for some seconds it is not asked "
    "at all. Try again in 15 seconds, and look whether the Dashboard is up.",
}
_SILENT = (
    "{url} did not answer in time. Is a firewall or VPN between, or the Dashboard "
    "overloaded? TYK_CONNECT_TIMEOUT and TYK_READ_DEADLINE are the seconds it gets."
)
_MISCONFIGURED = {
    "key_rejected": "The Dashboard at {url} refuses TYK_API_KEY. " + _KEY_IS_FOUND,
    "no_permission": "The Dashboard at {url} knows TYK_API_KEY, but its user may not "
    "read the portal. Give that user write access to Portal, Keys and Policies "
    "and read access to Analytics, or make it an administrator of the organisation.",
    "redirect": "{url} sends us to another address. Set TYK_DASHBOARD_URL to where "
    "the Dashboard finally is, without a path: often https instead of http.",
}
_NO_DASHBOARD = (
    "Something answers at {url}, but not as a Tyk Dashboard does. Set "
    "TYK_DASHBOARD_URL to the Dashboard's own address, without /api; a gateway, a "
    "developer portal and a proxy's login page are not it."
)
_OTHER_ORGANISATION = (
    "TYK_API_KEY belongs to another organisation than {organisation}. Use a key of a "
    "user of that organisation, or mend TYK_ORG_ID; a portal that has read one "
    "organisation never reads another: it needs its own database."
)


def trouble() -> str:
    """Ask the Dashboard for its portal settings; "" if all is well, else a sentence."""
    try:
        found = connect.dashboard().configuration().org_id
    except NotFound:
        return ""  # its own word: it is there, and nobody has set its portal up yet
    except DashboardError as error:
        return sentence(error)
    if settings.TYK_ORG_ID and found and found != settings.TYK_ORG_ID:
        return _filled(_OTHER_ORGANISATION)
    return ""


def sentence(error: DashboardError) -> str:
    """What went wrong and how to mend it, in words for who runs the portal."""
    match error:
        case WrongOrganisation():
            template = _OTHER_ORGANISATION
        case Unreachable():
            template = _UNREACHABLE.get(error.reason, _SILENT)
        case Misconfigured():
            template = _MISCONFIGURED.get(error.reason, _NO_DASHBOARD)
        case Busy():
            template = "The Dashboard at {url} is busy. Try again in a minute."
        case Unexpected(reason="server_error"):
            template = (
                "The Dashboard at {url} answers with an error of its own (status "
                f"{error.status}). Look at its log, then try again."
            )
        case _:
            template = _NO_DASHBOARD
    return _filled(template)


def _filled(template: str) -> str:
    parts = urlsplit(str(settings.TYK_DASHBOARD_URL))
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return template.format(
        url=f"{parts.scheme}://{host}{port}",
        host=host,
        organisation=settings.TYK_ORG_ID or "the one read before",
    )
