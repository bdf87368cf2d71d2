"""People who come whether or not the last one was served: `python -m tests.bench.arrivals`.

Reads one JSON object: the port, the seconds, and streams of requests, each with its
rate a second and the requests that it sends in turn. Writes one line of JSON: for each
stream a list of [came, seconds, status]; `came` is the machine's monotonic clock, and
seconds count from the moment somebody came, so that who waits for a thread waits.
"""

import http.client
import itertools
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

AT_ONCE = 200  # people who wait, of each stream
PATIENCE = 60  # seconds

Answer = tuple[float, float, int]


def arrive(stream: dict[str, Any], port: int, ends: float) -> list[Answer]:
    """Send the requests of one stream, each at its moment, and wait for all answers."""
    pause, requests = 1 / stream["rate"], itertools.cycle(stream["requests"])
    with ThreadPoolExecutor(AT_ONCE) as people:
        sent = []
        came = time.monotonic()
        while came < ends:
            time.sleep(max(0.0, came - time.monotonic()))
            sent.append(people.submit(_one, port, next(requests), came))
            came += pause
        return [one.result() for one in sent]


def _one(port: int, request: dict[str, str], came: float) -> Answer:
    browser = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Host": "testserver", "Cookie": request["cookie"]}
    if request["body"]:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        browser.request(request["method"], request["path"], request["body"], headers)
        answer = browser.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        browser.close()
    return came, time.monotonic() - came, status


def main() -> int:
    wanted = json.load(sys.stdin)
    ends = time.monotonic() + wanted["seconds"]
    streams = wanted["streams"]
    with ThreadPoolExecutor(len(streams)) as threads:
        coming = {
            name: threads.submit(arrive, stream, wanted["port"], ends)
            for name, stream in streams.items()
        }
        answers = {name: stream.result() for name, stream in coming.items()}
    sys.stdout.write(f"{json.dumps(answers)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
