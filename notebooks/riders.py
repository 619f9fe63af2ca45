"""Riders who keep asking the deployment while its models change, and count what they get."""

import threading
import time
from collections import Counter
from typing import Any

import requests
from query import Deployment, QueryError


class Riders:
    """``count`` clients, each asking for one of ``rides`` after the other at ``/model/version``.

    ``answered`` counts answers by version; ``failures`` keeps the sentence of each request that
    got none.
    """

    def __init__(
        self,
        deployment: Deployment,
        model: str,
        version: str,
        rides: list[dict[str, Any]],
        count: int = 4,
    ) -> None:
        self.model, self.version = model, version
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []
        self._deployment, self._rides = deployment, rides
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask, args=(first,), daemon=True) for first in range(count)
        ]

    def start(self) -> "Riders":
        """Begin to ask."""
        for thread in self._threads:
            thread.start()
        return self

    def move_to(self, version: str) -> None:
        """Ask another version from each rider's next request on."""
        self.version = version

    def wait_for(self, answers: int, deadline_s: float = 30) -> None:
        """Wait until the present version has given ``answers`` more; raises QueryError if late."""
        version, until = self.version, time.monotonic() + deadline_s
        wanted = self.answered[version] + answers
        while self.answered[version] < wanted:
            if time.monotonic() > until:
                raise QueryError(
                    f"{self.model}/{version} gave {self.answered[version]} answers in "
                    f"{deadline_s} s, and {len(self.failures)} requests failed: "
                    f"{self.failures[-1:]}."
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """Let every rider's last request end; raises QueryError if one request failed."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
        if self.failures:
            raise QueryError(f"{len(self.failures)} requests failed, such as: {self.failures[0]}")

    def __str__(self) -> str:
        lines = [
            f"{self.model}/{version}: {count:,} requests answered"
            for version, count in sorted(self.answered.items())
        ]
        total = sum(self.answered.values())
        return "\n".join([*lines, f"{total:,} requests answered, {len(self.failures)} failed"])

    def _ask(self, first: int) -> None:
        with requests.Session() as session:
            turn = first
            while not self._stop.is_set():
                version, ride = self.version, self._rides[turn % len(self._rides)]
                turn += len(self._threads)
                try:
                    self._deployment.predict(self.model, version, ride, session)
                except QueryError as error:
                    with self._lock:
                        self.failures.append(str(error))
                    self._stop.wait(0.2)
                else:
                    with self._lock:
                        self.answered[version] += 1
