"""Loopback ports: which are free, and one clear line when one is not."""

import socket

from portal_site.runner.refusal import Refusal

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether this process could listen on `port` of the loopback address."""
    with socket.socket() as probe:
        # As servers do it: a connection of the run before, still waiting to be
        # forgotten by the kernel, is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether something accepts connections on `port` of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def any_free() -> int:
    """A port nobody listens on now; the kernel chooses."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int, *, variable: str, what: str) -> int:
    """`port`, or a Refusal that names the variable to change."""
    if is_free(port) and not answers(port):
        return port
    raise Refusal(
        f"Port {port} is taken, so {what} can't listen there. "
        f"Choose another: {variable}={first_free(port + 1)} make run"
    )


def first_free(port: int) -> int:
    """`port` or the first free one among the hundred above it, else any."""
    for candidate in range(port, min(port + 100, 65536)):
        if is_free(candidate) and not answers(candidate):
            return candidate
    return any_free()
