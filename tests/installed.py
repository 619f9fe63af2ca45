"""A fresh environment of a user: what is installed there, its commands, its kernels."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
import websocket
from jupyter_client.session import Session

WITHIN_S = 500


@dataclass
class Installed:
    """An environment that knows nothing of this clone, and whose user's home is empty."""

    folder: Path
    sdist: Path

    @property
    def home(self) -> Path:
        """Return the user's home."""
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of its user, whose PATH has its commands alone."""
        others = ("KD_", "PYTHON", "JUPY", "IPYTHON", "XDG_", "VIRTUAL_ENV", "CONDA")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(others)}
        self.home.mkdir(exist_ok=True)
        kept.setdefault("PIP_CACHE_DIR", str(Path("~/.cache/pip").expanduser()))
        return kept | {"PATH": str(self.folder / "bin"), "HOME": str(self.home)}

    def run(self, command: str, *arguments: str) -> str:
        """Run a command of the environment, which must succeed; return what it prints."""
        return self._output([str(self.folder / "bin" / command), *arguments], self.environment)

    def shell(self, script: str) -> str:
        """Run a script in its user's home, which must succeed; return what it prints."""
        environment = self.environment
        environment["PATH"] += ":/usr/bin:/bin"
        return self._output(["sh", "-e", "-c", script], environment)

    def fails(self, command: str, *arguments: str) -> str:
        """Run a command, which must fail; return what it prints."""
        done = self._done([str(self.folder / "bin" / command), *arguments], self.environment)
        assert done.returncode == 1, done.stdout
        return done.stdout

    def install(self, *extras: str) -> None:
        """Install the package with extras, as a user does."""
        named = f"[{','.join(extras)}]" if extras else ""
        line = ["pip", "install", "--quiet", "--no-compile", f"{self.sdist}{named}"]
        self.run("python", "-m", *line)

    def _output(self, line: list[str], environment: dict[str, str]) -> str:
        done = self._done(line, environment)
        assert done.returncode == 0, done.stdout
        return re.sub(r"\x1b\[\d+m", "", done.stdout)

    def _done(
        self, line: list[str], environment: dict[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            line,
            cwd=self.home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )


class LabKernel:
    """A kernel of a running JupyterLab, as its front end has it."""

    def __init__(self, url: str, token: str, kernel: str) -> None:
        host = urlsplit(url).netloc
        self._socket = websocket.create_connection(
            f"ws://{host}/api/kernels/{kernel}/channels?token={token}", timeout=60
        )
        self._session = Session()

    def run(self, cell: str) -> str:
        """Run a cell, which must not fail; return what it shows as text."""
        message = self._session.msg("execute_request", {"code": cell, "stop_on_error": True})
        self._socket.send(json.dumps({**message, "channel": "shell"}, default=str))
        shown = ""
        while True:
            got = json.loads(self._socket.recv())
            if got["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            content = got["content"]
            assert got["msg_type"] != "error", content
            shown += content.get("text", "") if got["msg_type"] == "stream" else ""
            if got["msg_type"] in ("execute_result", "display_data"):
                shown += content["data"].get("text/plain", "")
            if (got["msg_type"], content.get("execution_state")) == ("status", "idle"):
                return shown

    def close(self) -> None:
        """Leave it."""
        self._socket.close()


@contextmanager
def lab_kernel(url: str, token: str) -> Iterator[LabKernel]:
    """Start a kernel in a JupyterLab that runs at ``url``."""
    headers = {"Authorization": f"token {token}"}
    started = requests.post(f"{url}/api/kernels", headers=headers, json={}, timeout=60)
    assert started.status_code == 201, started.text
    kernel = LabKernel(url, token, started.json()["id"])
    try:
        yield kernel
    finally:
        kernel.close()
        requests.delete(f"{url}/api/kernels/{started.json()['id']}", headers=headers, timeout=60)
