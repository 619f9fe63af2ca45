"""A notebook in a kernel of its own, as a front end sees it: through messages."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.manager import start_new_kernel

DEADLINE_S = 30.0


class RunningKernel:
    """A real ipykernel with the magics; ``messages`` are what came on IOPub, with their time."""

    def __init__(self, configmeta: Path, **environment: str) -> None:
        self._environment = {**os.environ, "KD_CONFIGMETA": str(configmeta), **environment}
        self.messages: list[tuple[float, dict[str, Any]]] = []
        self.start()

    def start(self) -> None:
        """Start the kernel, or another one after it was killed."""
        self._manager, self._client = start_new_kernel(kernel_name="python3", env=self._environment)
        self.good("%load_ext kd_magics")

    def send(self, cell: str) -> str:
        """Send a cell; return the id of its request."""
        return str(self._client.execute(cell))

    def run(self, cell: str) -> list[dict[str, Any]]:
        """Run a cell until it is idle; return its messages."""
        return self.finish(self.send(cell))

    def good(self, cell: str) -> str:
        """Run a cell that must not fail; return what it printed."""
        found = self.run(cell)
        assert not [m for m in found if m["msg_type"] == "error"], found
        return printed(found)

    def finish(self, request: str) -> list[dict[str, Any]]:
        """Read messages until a request's cell is idle; return those of the cell."""

        def is_idle() -> bool:
            return any(
                m["msg_type"] == "status" and m["content"]["execution_state"] == "idle"
                for m in self.of(request)
            )

        self.read_until(is_idle)
        return self.of(request)

    def of(self, request: str) -> list[dict[str, Any]]:
        """Return the messages of a request so far."""
        return [m for _, m in self.messages if m["parent_header"].get("msg_id") == request]

    def read_until(self, found: Callable[[], Any], seconds: float = DEADLINE_S) -> Any:
        """Read messages until ``found`` gives something true; return it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := found():
                return value
            try:
                message = self._client.get_iopub_msg(timeout=0.1)
            except Empty:
                continue
            self.messages.append((time.monotonic(), message))
        raise AssertionError(f"not true within {seconds:g} s: {self.messages[-5:]}")

    def interrupt(self) -> None:
        """Interrupt the kernel as the stop button does."""
        self._manager.interrupt_kernel()

    def press(self, comm: str) -> None:
        """Press a button of ipywidgets, as its front end does."""
        data = {"method": "custom", "content": {"event": "click"}}
        message = self._client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        self._client.shell_channel.send(message)

    def shut_down(self) -> None:
        """Ask the kernel to end, as a front end does before it starts another."""
        message = self._client.session.msg("shutdown_request", {"restart": True})
        self._client.control_channel.send(message)

    def kill(self) -> None:
        """Kill the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


def printed(messages: list[dict[str, Any]]) -> str:
    """Return what stream messages printed."""
    return "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")
