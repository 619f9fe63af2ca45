"""Keeps HAProxy in line with configmeta.json: members join when they are ready, and leave."""

import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import requests

from kd_engines.balancer.haproxy import HAProxy
from kd_engines.balancer.settings import SLOTS, Settings
from kd_engines.balancer.slots import Address, Slots
from kd_pipeline.connections import API_SERVICE, Connections
from kd_pipeline.connections_file import ConnectionsFile
from kd_pipeline.errors import InvalidInput, KdError

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
READY_WITHIN_S = 2.0
FIRST_RETRY_S, LONGEST_RETRY_S = 0.25, 10.0


class Balancer:
    """A kdcluster's load balancer, until :attr:`stopping` is set."""

    def __init__(self, settings: Settings, file: ConnectionsFile) -> None:
        self.stopping = threading.Event()
        self._haproxy = HAProxy(settings)
        self._file = file
        self._slots = Slots()
        self._connections: Connections | None = None
        self._pause = FIRST_RETRY_S
        self._asking = ThreadPoolExecutor(SLOTS, thread_name_prefix="ask")

    def run(self) -> None:
        """Balance until told to stop; raises InvalidInput where HAProxy cannot run at all."""
        following = threading.Thread(target=self._follow, daemon=True)
        following.start()
        while self._connections is None and not self.stopping.wait(LOOK_EVERY_S):
            continue
        if self._connections is None:
            return
        self._start(self._connections)
        try:
            while not self.stopping.wait(LOOK_EVERY_S):
                self._look(self._connections)
        finally:
            self._haproxy.stop()
            self._asking.shutdown(wait=False, cancel_futures=True)

    def _follow(self) -> None:
        for connections in self._file.changes(self.stopping):
            self._connections = connections

    def _start(self, connections: Connections) -> None:
        self._haproxy.write(self._slots.addresses(), _password(connections))
        self._haproxy.start()
        log.info("HAProxy runs")

    def _look(self, connections: Connections) -> None:
        """Bring HAProxy in line with the members; start it anew where it has ended."""
        try:
            if not self._haproxy.alive():
                log.error("HAProxy has ended; it starts again in %g s", self._pause)
                self.stopping.wait(self._pause)
                self._pause = min(LONGEST_RETRY_S, self._pause * 2)
                self._start(connections)
            self._follow_members(_members(connections))
        except (KdError, OSError) as error:
            log.error("%s", error)

    def _follow_members(self, members: dict[str, Address]) -> None:
        """Take away the members that have left, and let in those that are ready."""
        given_up, without = self._slots.follow(list(members))
        for slot in given_up:
            self._haproxy.runtime.disable(slot)
            log.info("slot %d is free", slot + 1)
        if without:
            log.error("%d members are the most; no requests for %s", SLOTS, ", ".join(without))
        found = self._asking.map(
            lambda name: _ready_address(members[name], self._enabled(name)), self._slots.taken
        )
        for name, address in zip(self._slots.taken, found, strict=True):
            self._move(name, address)

    def _enabled(self, name: str) -> Address | None:
        return self._slots.enabled.get(self._slots.taken[name])

    def _move(self, name: str, address: Address | None) -> None:
        """Let HAProxy send a member's requests to where it is ready now."""
        slot = self._slots.taken[name]
        if address is None or address == self._enabled(name):
            return
        if self._enabled(name):  # its pod was started anew, at another address
            self._haproxy.runtime.disable(slot)
        self._haproxy.runtime.enable(slot, *address)
        self._slots.enabled[slot] = address
        log.info("slot %d serves %s at %s", slot + 1, name, address[0])


def _members(connections: Connections) -> dict[str, Address]:
    """Return the RESTServers by their name, which may stand in the file more than once."""
    found: dict[str, Address] = {}
    for endpoint in connections.own.endpoints:
        if endpoint.service == API_SERVICE:
            parts = urlsplit(endpoint.url)
            if parts.hostname:
                found[parts.netloc] = (parts.hostname, parts.port or 80)
    return found


def _password(connections: Connections) -> str:
    """Return the statistics page's password: the token of this balancer's own service."""
    own = [e.token for e in connections.own.endpoints if e.role == connections.role and e.token]
    tokens = own or sorted(connections.tokens)
    if not tokens:
        raise InvalidInput(
            "configmeta.json has no token for the load balancer; its kdapp's service needs "
            "hasAuthToken."
        )
    return tokens[0]


def _ready_address(named: Address, enabled: Address | None) -> Address | None:
    """Return a member's address now where HAProxy has it already, or the member is ready there.

    HAProxy takes a new server for healthy until its first check: so the first look is ours.
    """
    try:
        found = socket.getaddrinfo(*named, type=socket.SOCK_STREAM)
    except OSError:
        return None
    address = str(found[0][4][0]), named[1]
    return address if address == enabled or _is_ready(address, named[0]) else None


def _is_ready(address: Address, name: str) -> bool:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    try:
        with requests.Session() as session:
            session.trust_env = False
            url = f"http://{host}:{address[1]}/health/ready"
            answer = session.get(url, timeout=READY_WITHIN_S, headers={"Host": name})
    except requests.RequestException:
        return False
    return answer.status_code == 200
