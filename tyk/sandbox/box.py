"""The sandbox as one object: server, state, faults, journal, truth."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tyk.sandbox import seed as seeds
from tyk.sandbox.control import ControlRoom
from tyk.sandbox.dashboard import Dashboard
from tyk.sandbox.exchange import Pause
from tyk.sandbox.faults import FaultPlan
from tyk.sandbox.journal import Journal
from tyk.sandbox.secret_files import kept_secret, write_secret
from tyk.sandbox.server import LOOPBACK, Listener, Services
from tyk.sandbox.store import Store
from tyk.sandbox.switches import Switches
from tyk.sandbox.truth import Truth
from tyk.sandbox.world import Mail, World


class Sandbox(Truth):
    """An embedded Tyk Dashboard on a loopback port.

    A context manager; or call `start` and `stop`. With a `state_dir` the state, the
    switches, the API key and the control token survive a restart, and `seed` counts
    only for a new directory.
    """

    def __init__(
        self,
        *,
        seed: str = "empty",
        switches: Switches | None = None,
        state_dir: Path | str | None = None,
        port: int = 0,
        api_key_file: Path | None = None,
        token_file: Path | None = None,
    ) -> None:
        folder = None if state_dir is None else Path(state_dir)
        self._key_file = api_key_file or (folder and folder / "api_key")
        token_file = token_file or (folder and folder / "token")
        self._first_key = kept_secret(self._key_file, secrets.token_hex(16))
        self.api_key = self._first_key
        self.token = kept_secret(token_file, secrets.token_urlsafe(24))
        store = Store(None if folder is None else folder / "state.sqlite3")
        self.world = World(store)
        self.journal = Journal()
        self.faults = FaultPlan()
        self._dashboard = Dashboard(self.world, {self.api_key})
        self._pause = Pause()
        self._first_switches = switches
        self._listener = self._make_listener(port)
        self._settle(seed)

    def _make_listener(self, port: int) -> Listener:
        room = ControlRoom(self)
        services = Services(
            self._dashboard, self.faults, self.journal, self._pause, room.answer
        )
        return Listener(services, port=port)

    def _settle(self, seed: str) -> None:
        """Seed a new state; take the switches up again from an old one."""
        if self.world.store.get("meta", "seed") is None:
            self.reset(seed)
            return
        held = self.world.store.get("meta", "switches") or {}
        old = Switches().changed(**held)
        self.switches = self._first_switches or old

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url}>"

    def start(self) -> None:
        """Listen. Raises `OSError` if the port is taken."""
        self._listener.open()

    def stop(self) -> None:
        """End every wait and connection; the state is on disk already."""
        self._pause.stop()
        self._listener.close()
        self.world.store.close()

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def url(self) -> str:
        """Scheme, host and port; the API is under `/api`."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def org_id(self) -> str:
        return self.world.org_id

    @property
    def mails(self) -> list[Mail]:
        """The mails Tyk itself would have sent."""
        return self.world.mails

    @property
    def switches(self) -> Switches:
        return self.world.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self.world.set_switches(switches)
        self.world.store.put("meta", "switches", switches.as_dict())

    def switch(self, **changes: Any) -> None:
        """Change single switches. Raises `ValueError`."""
        self.switches = self.switches.changed(**changes)

    def reset(self, seed: str = "empty") -> None:
        """As new: state, journal, faults, switches, API key, open door.

        Raises `ValueError` for an unknown seed.
        """
        records = seeds.records(seed)
        self.heal()
        self.world.mails.clear()
        with self.world.store.change():
            self.world.store.replace_all(records)
            self.world.store.put("meta", "seed", {"name": seed})
            self.switches = self._first_switches or seeds.habits(seed)
        self.journal.clear()
        self.rotate_api_key(self._first_key)

    def rotate_api_key(self, new: str | None = None) -> str:
        """Accept this API key (or a fresh one) and no other; gives it back."""
        self.api_key = new or secrets.token_hex(16)
        self._dashboard.api_keys = {self.api_key}
        if self._key_file is not None:
            write_secret(self._key_file, self.api_key)
        return self.api_key

    def accept_also(self, key: str) -> None:
        """Accept a further API key, as while a credential is being changed."""
        self._dashboard.api_keys = {*self._dashboard.api_keys, key}

    def hang(self) -> None:
        """Let every call hang until `heal`."""
        self.faults.add("*", mode="hang")

    def refuse(self) -> None:
        """Stop listening: connections are refused until `heal`."""
        self._listener.close()

    def heal(self) -> None:
        """No faults any more, and the door is open if it had been."""
        self.faults.clear()
        self._pause.wake()
        self._listener.reopen()

    def drop_connections(self) -> None:
        """End all idle and busy connections, as a restarted Dashboard would."""
        self._listener.drop_connections()

    def wait_for_late_commits(self, timeout: float = 10.0) -> None:
        """Wait until no `commit_late` is outstanding. Raises `TimeoutError`."""
        end = time.monotonic() + timeout
        for thread in list(self._listener.late):
            thread.join(max(end - time.monotonic(), 0))
            if thread.is_alive():
                message = "a late commit is still outstanding"
                raise TimeoutError(message)
