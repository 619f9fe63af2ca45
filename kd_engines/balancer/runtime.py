"""HAProxy's runtime API: which servers it sends requests to, changed while it runs.

Protocol: one command per connection on a Unix socket, the answer until the end (HAProxy 2.4+,
management guide, "Unix Socket commands").
"""

import csv
import socket
from pathlib import Path

from kd_engines.balancer.settings import BACKEND, PREDICTIONS, slot_name
from kd_pipeline.errors import Unavailable

ANSWERS_WITHIN_S = 5.0


class Runtime:
    """The runtime API at a socket; each call raises Unavailable where HAProxy does not answer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def enable(self, slot: int, host: str, port: int) -> None:
        """Send requests to a member at this address from now on."""
        for backend in (PREDICTIONS, BACKEND):
            self.command(f"set server {backend}/{slot_name(slot)} addr {host} port {port}")
        self._expect_nothing(f"set server {BACKEND}/{slot_name(slot)} state ready")

    def disable(self, slot: int) -> None:
        """Send nothing new to a slot's member; what is in flight goes on."""
        self._expect_nothing(f"set server {BACKEND}/{slot_name(slot)} state maint")

    def states(self) -> dict[str, str]:
        """Return each slot's state as the statistics tell it: UP, DOWN, MAINT …"""
        table = csv.DictReader(self.command("show stat").removeprefix("# ").splitlines())
        return {row["svname"]: row["status"] for row in table if row["pxname"] == BACKEND}

    def command(self, text: str) -> str:
        """Send one command and return its answer."""
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWERS_WITHIN_S)
                connection.connect(str(self._path))
                connection.sendall(f"{text}\n".encode())
                while part := connection.recv(65536):
                    answer += part
        except OSError as error:
            raise Unavailable(f"HAProxy's runtime API does not answer: {error}.") from None
        return answer.decode().strip()

    def _expect_nothing(self, text: str) -> None:
        answer = self.command(text)
        if answer:
            raise Unavailable(f"HAProxy refused {text!r}: {answer}")
