"""A load generator: the same request again and again over keep-alive connections."""

import asyncio
import time
from dataclasses import dataclass

import uvloop


@dataclass
class Result:
    """What one round measured; times in milliseconds."""

    rate: float
    p50: float
    p99: float
    failed: int


class Client(asyncio.Protocol):
    """One connection: asks, waits for the whole answer, asks again."""

    def __init__(self, request: bytes, until: float) -> None:
        self._request, self._until = request, until
        self._received = bytearray()
        self.times: list[float] = []
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer; ask again once it is whole."""
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        headers = bytes(self._received[:head]).lower()
        length = int(headers.partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(self._received) < head + 4 + length:
            return
        self.times.append(time.perf_counter() - self._asked)
        self.failed += not headers.startswith(b"http/1.1 200")
        self._received.clear()
        if time.perf_counter() < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection that broke before its time."""
        self.failed += time.perf_counter() < self._until
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]


def measure(port: int, request: bytes, connections: int, seconds: float) -> Result:
    """Ask a server on this machine from so many connections for so long."""

    async def run() -> list[Client]:
        loop = asyncio.get_running_loop()
        until = time.perf_counter() + seconds
        clients = [Client(request, until) for _ in range(connections)]
        for client in clients:
            await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
        await asyncio.gather(*(client.done for client in clients))
        return clients

    began = time.perf_counter()
    clients = uvloop.run(run())
    taken = time.perf_counter() - began
    times = sorted(t for client in clients for t in client.times)
    return Result(
        rate=len(times) / taken,
        p50=1000 * times[len(times) // 2],
        p99=1000 * times[int(len(times) * 0.99)],
        failed=sum(client.failed for client in clients),
    )
