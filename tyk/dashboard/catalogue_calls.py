"""What is on offer: catalogue, documentation, policies, configuration."""

from __future__ import annotations

from tyk.dashboard import calls, documents, records, wire
from tyk.dashboard.errors import NotFound, Unexpected
from tyk.dashboard.operations import Operations
from tyk.dashboard.records import BadRecord, Documentation, Policy


class CatalogueCalls(Operations):
    """Reading what the organisation offers; all of it is written in Tyk."""

    def catalogue(self, *, deadline: float | None = None) -> records.Catalogue:
        """The whole catalogue, hidden entries included."""
        return self._result(self._use(calls.GET_CATALOGUE, deadline), wire.catalogue)

    def documentation(
        self,
        documentation_id: str,
        *,
        max_bytes: int = documents.MAX_BYTES,
        deadline: float | None = None,
    ) -> Documentation | None:
        """The document of a catalogue entry, or None if it cannot be had.

        None is any 404, envelope or not. It does not tell a document that is
        gone from a Dashboard that shows none: no public source has this call,
        only the one that creates a document (Tyk docs, portal-documentation).
        So a copy one holds is no older for it. `Unexpected` with the reason
        too_large for a document of more than `max_bytes` when decoded.
        """
        ids = {"documentation_id": documentation_id}
        use = self._use(calls.GET_DOCUMENTATION, deadline, ids=ids)
        try:
            return self._result(use, documents.reader(max_bytes=max_bytes))
        except (NotFound, Unexpected) as error:
            if error.status != 404:
                raise
        return None

    def configuration(
        self, *, for_login: bool = False, deadline: float | None = None
    ) -> records.Configuration:
        """The portal configuration."""
        use = self._use(calls.GET_CONFIGURATION, deadline, login=for_login)
        return self._result(use, wire.configuration)

    def policies(self, *, deadline: float | None = None) -> list[Policy | BadRecord]:
        """All policies, drafts and inactive ones included; see `Policy.live`."""
        listed = self._list(calls.LIST_POLICIES, "p=-1", wire.policy, deadline)
        return list(listed)

    def policy(self, policy_id: str, *, deadline: float | None = None) -> Policy:
        """One policy by its `_id`; `NotFound`, or `Refused` for an impossible id."""
        use = self._use(calls.GET_POLICY, deadline, ids={"policy_id": policy_id})
        return self._result(use, wire.policy)
