"""A TCP proxy of the tests that can fall silent without closing, as a broken network does."""

import contextlib
import socket
import threading


class TcpProxy:
    """Passes bytes on to a loopback port; a ``silent`` one takes them and passes nothing on."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        """Pass nothing on any more on the connections there are; new ones are served."""
        self._flows.clear()
        self._flows = threading.Event()
        self._flows.set()

    def close(self) -> None:
        """End the proxy and its connections."""
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._open += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(
                        target=self._pass, args=(source, sink, self._flows), daemon=True
                    ).start()

    def _pass(self, source: socket.socket, sink: socket.socket, flows: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if flows.is_set():
                    sink.sendall(data)
            if flows.is_set():
                sink.shutdown(socket.SHUT_WR)
