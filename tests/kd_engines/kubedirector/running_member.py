"""A member as KubeDirector runs one: image command, injected file, setup package, events."""

import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.free_port import free_port
from tests.kd_engines.running_server import eventually

SETUP = Path(__file__).parents[3] / "deploy" / "setup"
TOKEN = "00112233445566778899aabbccddeeff"
SERVICES = {"LoadBalancer": "haproxy", "RESTServer": "gunicorn", "controller": "jupyter-nb"}


class GuestMember:
    """A container's folder: ``/etc/guestconfig`` and ``/opt/guestconfig`` are below it."""

    def __init__(
        self,
        folder: Path,
        role: str,
        distro: str,
        engines: list[str],
        command: tuple[str, ...] = (sys.executable, "-m", "kd_engines.kubedirector.member"),
    ) -> None:
        """``command`` is what the image runs, by a Python of its own or by that of the tests."""
        self.command = command
        self.folder, self.role, self.distro, self.engines = folder, role, distro, engines
        self.configmeta = folder / "etc" / "guestconfig" / "configmeta.json"
        self.guest = folder / "opt" / "guestconfig"
        for made in (self.configmeta.parent, self.guest, folder / "project_repo", folder / "home"):
            made.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            "KD_CONFIGMETA": str(self.configmeta),
            "KD_PROJECT_REPO": str(folder / "project_repo"),
            "KD_PYTHON": command[0],
            "HOME": str(folder / "home"),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start_container(self) -> None:
        """Run the image's command; the file is not there yet."""
        self.process = subprocess.Popen(
            self.command, env=self.environment, cwd=self.folder / "home"
        )

    def inject(self, meta: dict[str, Any] | None = None) -> None:
        """Write configmeta.json as KubeDirector does: truncated, then piece by piece."""
        text = json.dumps(meta or self._meta())
        with self.configmeta.open("w") as file:
            for begin in range(0, len(text), 500):
                file.write(text[begin : begin + 500])
                file.flush()
                time.sleep(0.005)

    def _meta(self) -> dict[str, Any]:
        """Return a cluster of this member and its engines, with nothing connected."""
        roles: dict[str, Any] = {}
        for role, urls in (("RESTServer", self.engines), (self.role, [self.url])):
            service = SERVICES[role]
            entry = {"id": service, "endpoints": urls, "authToken": TOKEN}
            roles[role] = {"services": {service: entry}, "node_ids": ["1"]}
        group = {"roles": roles, "distro_id": self.distro, "config_metadata": None}
        return {
            "version": "7",
            "nodegroups": {"1": group},
            "cluster": {"name": "some-cluster", "id": "uid-7"},
            "node": {"role_id": self.role, "nodegroup_id": "1", "id": "1", "hostname": "h"},
            "connections": {"clusters": None, "configmaps": None, "secrets": None},
        }

    def set_up(self, package: Path | None = None) -> None:
        """Fetch and unpack the setup package, by the very commands of KubeDirector."""
        if package is None:
            package = self.folder / "appconfig.tgz"
            with tarfile.open(package, "w:gz") as tar:
                tar.add(SETUP / "kd-magics", arcname="kd-magics")
        self.shell(
            f"cd {self.guest} && rm -rf {self.guest}/* && curl -L file://{package} -o a.tgz &&"
            f" tar xzf a.tgz && chmod u+x {self.guest}/*/startscript && rm -rf a.tgz"
        )

    def configure(self) -> str:
        """Run ``--configure`` in the background, as KubeDirector does; return its exit status."""
        status = self.guest / "configure.status"
        script = f"{self.guest}/*/startscript"
        self.shell(
            f"rm -f {self.guest}/configure.* && echo -n container1= > {status} &&"
            f" nohup sh -c '{script} --configure 2>{self.guest}/configure.stderr"
            f" 1>{self.guest}/configure.stdout; echo -n $? >> {status}' &"
        )
        return str(eventually(lambda: status.read_text().partition("=")[2]))

    def event(self, arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the startscript with further arguments, as one shell line."""
        return self.shell(f"{self.guest}/*/startscript {arguments}", check=False)

    def shell(self, line: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a line as KubeDirector's exec does."""
        done = subprocess.run(
            ["sh", "-c", line],
            env=self.environment,
            cwd=self.folder / "home",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def stop(self) -> int:
        """End the container as Kubernetes does."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def listens(self) -> bool:
        """Tell whether it is this container that listens on its port."""
        assert self.process is not None
        container = psutil.Process(self.process.pid)
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == self.port
            for process in (container, *container.children(recursive=True))
            for connection in process.net_connections()
        )

    def kill_all(self) -> None:
        """End whatever was started with this container's environment."""
        for process in psutil.process_iter():
            try:
                if process.environ().get("KD_CONFIGMETA") == str(self.configmeta):
                    process.kill()
            except (psutil.Error, OSError):
                continue
