"""A browser that asks for one page again and again: `python -m tests.bench.load …`.

    port path cookie threads seconds

Writes one line of JSON: pages a second, p50 and p99 in milliseconds, and how many
answers were anything but 200. Each thread keeps its connection, as a proxy does.
"""

import http.client
import json
import sys
import threading
import time
from statistics import quantiles


class Reader(threading.Thread):
    """Asks until the time is over."""

    def __init__(self, port: int, path: str, cookie: str, ends: float) -> None:
        super().__init__(daemon=True)
        self._port, self._path, self._ends = port, path, ends
        self._headers = {"Host": "testserver", **({"Cookie": cookie} if cookie else {})}
        self.seconds: list[float] = []
        self.bad = 0

    def run(self) -> None:
        browser = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while time.perf_counter() < self._ends:
            began = time.perf_counter()
            try:
                browser.request("GET", self._path, headers=self._headers)
                answer = browser.getresponse()
                answer.read()
                self.bad += answer.status != 200
            except (OSError, http.client.HTTPException):
                browser.close()
                self.bad += 1
            self.seconds.append(time.perf_counter() - began)
        browser.close()


def main() -> int:
    port, path, cookie, threads, seconds = sys.argv[1:]
    began = time.perf_counter()
    readers = [
        Reader(int(port), path, cookie, began + float(seconds))
        for _ in range(int(threads))
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    took = time.perf_counter() - began
    every = sorted(one for reader in readers for one in reader.seconds)
    cut = quantiles(every, n=100) if len(every) > 1 else every * 99
    figures = {
        "per_second": len(every) / took,
        "p50": cut[49] * 1000,
        "p99": cut[98] * 1000,
        "bad": sum(reader.bad for reader in readers),
    }
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
