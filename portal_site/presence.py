"""Web processes say that they run, so that the doctor can count them.

Workers answer when they are asked; a web process can't be asked. A name in Redis that
runs out is enough for counting: nothing else hangs on it, so its loss costs nothing.
"""

import os
import socket
import time
from threading import Thread

import redis
from django.conf import settings

EVERY = 15.0  # seconds
PREFIX = "portal:web:"  # behind REDIS_PREFIX: two portals may share one Redis
SECONDS = 1.0  # that Redis may take to answer


def client() -> redis.Redis:
    """A client that waits for nobody long; to be closed."""
    return redis.Redis.from_url(
        str(settings.REDIS_URL), socket_connect_timeout=SECONDS, socket_timeout=SECONDS
    )


def say() -> None:
    """This process runs. If Redis is away nobody hears it, and that is all."""
    name = f"{_prefix()}{socket.gethostname()}:{os.getpid()}"
    try:
        with client() as wire:
            wire.set(name, 1, ex=round(EVERY * 3))
    except redis.RedisError:
        # The doctor says so of the broker; here it would be said every 15 seconds.
        return


def _prefix() -> str:
    return f"{settings.REDIS_PREFIX}{PREFIX}"


def count() -> int:
    """How many web processes said so lately. Raises redis.RedisError."""
    with client() as wire:
        return sum(1 for _ in wire.scan_iter(f"{_prefix()}*"))


def begin() -> None:
    """Say it now and from now on, beside the requests and not inside them."""
    Thread(target=_go_on, name="presence", daemon=True).start()


def _go_on() -> None:
    while True:
        say()
        time.sleep(EVERY)
