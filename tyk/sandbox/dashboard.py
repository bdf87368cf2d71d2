"""The Dashboard API proper: credential, rights, route, answer."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from tyk.sandbox import answers
from tyk.sandbox.answers import Answer, Refusal
from tyk.sandbox.routes import Match, Route
from tyk.sandbox.world import Call, World

UNKNOWN = "unknown"


@dataclass(slots=True)
class Dashboard:
    """A world and the API keys that open it."""

    world: World
    api_keys: set[str] = field(default_factory=set, repr=False)

    def accepts(self, header: str) -> bool:
        """Whether an `Authorization` header holds one of our keys, bare or Bearer."""
        given = header.removeprefix("Bearer ").strip().encode()
        known = [hmac.compare_digest(key.encode(), given) for key in self.api_keys]
        return any(known)

    def answer(
        self,
        match: Match | None,
        *,
        authorization: str,
        path: str,
        query: dict[str, str],
        payload: bytes,
    ) -> Answer:
        """Serve one call; refusals become error envelopes."""
        try:
            if not self.accepts(authorization):
                raise Refusal(401, "Not authorised")
            if match is None:
                raise Refusal(404, "404")
            self._check_right(match.route, path)
            return self._perform(match, query=query, payload=payload)
        except Refusal as refusal:
            return answers.refused(self.world.switches, refusal)

    def _check_right(self, route: Route, path: str) -> None:
        intent = "write" if route.writes else "read"
        denied = self.world.switches.denied_rights
        if route.right in denied or f"{route.right}:{intent}" in denied:
            text = "access denied: You do not have permission to access"
            # Two spaces, as in Tyk's published text.
            raise Refusal(403, f"{text}  {path}")

    def _perform(
        self, match: Match, *, query: dict[str, str], payload: bytes
    ) -> Answer:
        route, world = match.route, self.world
        store = world.store
        lag = 0.0 if route.writes else world.switches.replica_lag
        call = Call(route.operation, match.params, query, payload, store)
        if route.writes:
            # One act: concurrent writers wait, and the file gets all of it or none.
            with store.change():
                return route.handler(world, call)
        call.reader = store.as_of(lag)
        return route.handler(world, call)
