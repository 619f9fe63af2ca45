"""A real Jupyter server process with the extension, and a browser's way to talk to it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from tests.free_port import free_port
from tests.kd_engines.running_server import eventually

LOGIN = "a1b2c3d4" * 4
ROOT = Path(__file__).parents[2]


class RunningJupyter:
    """A Jupyter server on a port of its own.

    Left to itself, Jupyter looks for a free port some time before it listens there: of two that
    start together one ends, and its file names the other. Nothing tells it of the extension:
    installing the package has enabled it.
    """

    def __init__(
        self, home: Path, *options: str, python: str = sys.executable, **environment: str
    ) -> None:
        self.home, self._log = home, home / "server.log"
        line = ["-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
        line += [f"--port={free_port()}", "--ServerApp.port_retries=0"]
        line += [f"--IdentityProvider.token={LOGIN}", f"--ServerApp.root_dir={home}"]
        line += ["--ServerApp.allow_unauthenticated_access=False", "--debug", *options]
        settings = {
            **{"PYTHONPATH": str(ROOT), "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "etc")},
            **{"JUPYTER_RUNTIME_DIR": str(home / "run"), "KD_CONFIGMETA": str(self.configmeta)},
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [python, *line],
                env={**os.environ, **settings, **environment},
                cwd=home,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        told = home / "run" / f"jpserver-{self.process.pid}.json"
        self.root = eventually(lambda: self._root(told), 60)
        self.url = self.root + "kd-magics/"

    @property
    def headers(self) -> dict[str, str]:
        """Return what logs a program in."""
        return {"Authorization": f"token {LOGIN}"}

    @property
    def configmeta(self) -> Path:
        """Return the configmeta.json that this server's user has."""
        return self.home / "configmeta.json"

    def log(self) -> str:
        """Return all that the server has logged."""
        return self._log.read_text(errors="replace")

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request as a program with the login token does."""
        headers = {**self.headers, **options.pop("headers", {})}
        return requests.request(
            method, self.url + path, headers=headers, **{"timeout": 60, **options}
        )

    def get(self, path: str) -> Any:
        """Return the JSON of a GET that must succeed."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def browser(self) -> requests.Session:
        """Return a session that has logged in on the login page, and so has a cookie only."""
        session = requests.Session()
        page = session.get(self.root + "login", timeout=20).text
        token = re.search(r'name="_xsrf" value="([^"]+)"', page)
        assert token, page
        form = {"_xsrf": token.group(1), "password": LOGIN}
        answer = session.post(self.root + "login", data=form, timeout=20, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return session

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)

    def _root(self, told: Path) -> str | None:
        assert self.process.poll() is None, self.log()
        try:
            found = json.loads(told.read_text())
            root = f"http://127.0.0.1:{found['port']}{found['base_url']}"
            return root if requests.get(root + "api", timeout=5).ok else None
        except (OSError, ValueError):  # a requests error is an OSError
            return None
