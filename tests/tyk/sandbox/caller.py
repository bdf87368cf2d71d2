"""A caller of the sandbox that checks every answer it gets."""

from typing import Any

import requests

from tests.tyk.sandbox import schema
from tyk.sandbox import Sandbox

PORTAL = "/api/portal"


class Caller:
    """Calls over a real socket; JSON answers are held against the schema."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.session = requests.Session()
        self.session.trust_env = False

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: str | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 5,
    ) -> requests.Response:
        """One call; `path` may leave out `/api/portal`."""
        full = path if path.startswith("/") else f"{PORTAL}/{path}"
        sent = {"Authorization": self.box.api_key if key is None else key}
        answer = self.session.request(
            method,
            f"{self.box.url}{full}",
            json=body if raw is None else None,
            data=raw,
            headers={**sent, **(headers or {})},
            timeout=timeout,
            allow_redirects=False,
        )
        self._check(answer)
        return answer

    def _check(self, answer: requests.Response) -> None:
        """Faulty answers are wrong on purpose; text and HTML have no schema."""
        entry = self.box.journal.calls()[-1] if len(self.box.journal) else None
        if entry is None or entry.fault or not answer.text.startswith(("{", "[")):
            return
        schema.check(entry.operation, answer.status_code, answer.json())

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.call("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.call("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        return self.call("DELETE", path, **options)

    def control(
        self, method: str, path: str, body: Any = None, *, token: str | None = None
    ) -> requests.Response:
        """A call of the control room."""
        return self.session.request(
            method,
            f"{self.box.url}/_sandbox/{path}",
            json=body,
            headers={"X-Sandbox-Token": self.box.token if token is None else token},
            timeout=5,
        )


def error(message: str) -> dict[str, Any]:
    """Tyk's usual error envelope."""
    return {"Status": "Error", "Message": message, "Meta": None}


def ok(message: str) -> dict[str, Any]:
    """Tyk's usual success envelope."""
    return {"Status": "OK", "Message": message, "Meta": None}
