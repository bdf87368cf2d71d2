"""What one run is asked to be: read from the environment, then `.env`."""

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

import environ

from portal_site.runner import ports
from portal_site.runner.refusal import Refusal

ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT_MAIL_PORT = 8025


@dataclass(frozen=True, slots=True)
class Plan:
    """The choices of one run.

    `sandbox` is False when a real Dashboard is named, `mail_page` when EMAIL_URL
    sends mail elsewhere.
    """

    data_dir: Path
    port: int
    sandbox_port: int
    mail_port: int
    sandbox: bool
    mail_page: bool
    host: str  # the host name the portal is asked for, without port

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    @property
    def mail_dir(self) -> Path:
        return self.data_dir / "mail"


def read_dotenv() -> None:
    """Take what `.env` says into the environment, which wins where both speak."""
    path = Path(os.environ.get("DOTENV") or ROOT / ".env")
    if path.is_file():
        environ.Env.read_env(path)


def from_environment(variables: MutableMapping[str, str]) -> Plan:
    """The plan that `variables` ask for; Refusal if they can't be meant."""
    data_dir = Path(variables.get("DATA_DIR") or ROOT / ".run").absolute()
    port = _number(variables, "PORT", 8000)
    base_url = variables.get("PORTAL_BASE_URL", "")
    return Plan(
        data_dir=data_dir,
        port=port,
        sandbox_port=_number(variables, "SANDBOX_PORT", 3000),
        mail_port=_mail_port(variables),
        sandbox=not _names_a_dashboard(variables),
        mail_page=not variables.get("EMAIL_URL"),
        host=base_url.partition("://")[2].partition("/")[0] or f"127.0.0.1:{port}",
    )


def _number(variables: MutableMapping[str, str], name: str, default: int) -> int:
    text = variables.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Refusal(f"{name} must be a port number, 1 to 65535, not {text!r}.")
    return int(text)


def _mail_port(variables: MutableMapping[str, str]) -> int:
    """The usual one, or the next free one: nobody has to know it beforehand."""
    if variables.get("MAIL_PORT"):
        return _number(variables, "MAIL_PORT", DEFAULT_MAIL_PORT)
    return ports.first_free(DEFAULT_MAIL_PORT)


def _names_a_dashboard(variables: MutableMapping[str, str]) -> bool:
    given = [name for name in _DASHBOARD if variables.get(name)]
    if len(given) == 1:
        missing = next(name for name in _DASHBOARD if name not in given)
        raise Refusal(
            f"{given[0]} is set, but {missing} is not. Set both to use your "
            "Dashboard, or neither to start with the embedded one."
        )
    return bool(given)


_DASHBOARD = ("TYK_DASHBOARD_URL", "TYK_API_KEY")


def check_ports(plan: Plan) -> None:
    """Refusal, naming the variable to change, for the first port that is taken."""
    wanted = [(plan.port, "PORT", "the portal")]
    if plan.sandbox:
        wanted.append((plan.sandbox_port, "SANDBOX_PORT", "the embedded Dashboard"))
    if plan.mail_page:
        wanted.append((plan.mail_port, "MAIL_PORT", "the mail page"))
    seen: dict[int, str] = {}
    for port, variable, what in wanted:
        if port in seen:
            raise Refusal(
                f"{seen[port]} and {variable} are both {port}: set them to two "
                "different ports."
            )
        seen[port] = variable
        ports.require_free(port, variable=variable, what=what)
