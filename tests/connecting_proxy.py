"""An HTTP proxy of the tests that passes TLS on, as those of companies do (CONNECT, RFC 9110)."""

import socket
import threading


class connecting_proxy:  # noqa: N801 - used as a function
    """An HTTP proxy for CONNECT; ``asked`` has the first line of each request."""

    def __enter__(self) -> tuple[str, list[str]]:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._asked: list[str] = []
        self._stop = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}", self._asked

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            line = client.recv(4096).decode().split("\r\n")[0]
            self._asked.append(line)
            host, port = line.split()[1].split(":")
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(source: socket.socket, to: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            to.sendall(chunk)
    except OSError:
        pass
