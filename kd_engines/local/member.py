"""A member of a kdcluster on this machine: its record, its address, its process."""

import json
import os
import secrets
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from kd_engines.exit_codes import signal_name
from kd_engines.local.home import Home, identity, same_process
from kd_pipeline.atomic import write_json

HOST = "127.0.0.1"
LARGEST_LOG_BYTES = 10 * 1024 * 1024
STOP_S = 35.0  # engines drain for 30 s at most
KEPT = ("port", "token", "pid", "create_time", "restarts", "reason", "retry_at")


@dataclass
class Member:
    """One member; what is kept in member.json survives the supervisor."""

    cluster: str
    role: str
    number: int
    node_id: str
    folder: Path = field(repr=False)
    port: int = 0
    token: str = field(default="", repr=False)
    pid: int | None = None
    create_time: float = 0.0
    restarts: int = 0
    reason: str | None = None
    retry_at: float | None = None
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @classmethod
    def load(cls, home: Home, cluster: str, role: str, number: int, node_id: str) -> "Member":
        """Return the member as its record says; a new one has no address yet."""
        folder = home.run / cluster / f"{role}-{number}"
        member = cls(cluster, role, number, node_id, folder)
        try:
            kept = json.loads(member.record_path.read_bytes())
        except (FileNotFoundError, ValueError):
            return member
        for key in KEPT:
            setattr(member, key, kept.get(key))
        return member

    @property
    def name(self) -> str:
        """Return ``cluster/role-number``."""
        return f"{self.cluster}/{self.role}-{self.number}"

    @property
    def url(self) -> str:
        """Return where the member answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def configmeta(self) -> Path:
        """Return the member's configmeta.json."""
        return self.folder / "configmeta.json"

    @property
    def record_path(self) -> Path:
        """Return the member's member.json."""
        return self.folder / "member.json"

    @property
    def log(self) -> Path:
        """Return the member's log."""
        return self.folder / "log"

    def give_address(self) -> None:
        """Give a new member its port and its token."""
        if not self.token:
            self.port, self.token = free_port(), secrets.token_hex(16)

    def save(self) -> None:
        """Write member.json; raises OSError where that cannot be done, such as on a full disk."""
        self.folder.parent.mkdir(exist_ok=True, mode=0o700)
        self.folder.mkdir(exist_ok=True, mode=0o700)
        record = {key: getattr(self, key) for key in KEPT}
        write_json(
            self.record_path,
            {"cluster": self.cluster, "role": self.role, "number": self.number, **record},
        )

    def alive(self) -> bool:
        """Tell whether the member's process runs; collects it where it has ended."""
        if self.process is not None:
            return self.process.poll() is None  # nothing else collects it, so its code is known
        return self.pid is not None and same_process(self.record())

    def record(self) -> dict[str, Any]:
        """Return the identity of the member's process."""
        return {"pid": self.pid, "create_time": self.create_time}

    def start(self, command: list[str], environment: dict[str, str]) -> None:
        """Start the process in a session of its own, with the log as its output."""
        rotate(self.log)
        with self.log.open("ab") as log:
            self.log.chmod(0o600)
            self.process = subprocess.Popen(
                command,
                env={**environment, "KD_MEMBER_DIR": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self.process.pid
        self.create_time = identity(self.pid)["create_time"]
        self.retry_at = None

    def died(self) -> str:
        """Say how the process ended, with the last line of its log."""
        code = self.process.returncode if self.process else None
        how = "It ended" if code is None else describe(code)
        last = last_line(self.log)
        return f"{how}; its last words: {last}" if last else f"{how}."

    def new_address_if_taken(self) -> bool:
        """Choose another port where somebody else has taken ours; tell whether that was so."""
        if port_is_free(self.port):
            return False
        self.port = free_port()
        return True


def strays(home: Home, folder: Path | None = None) -> list[psutil.Process]:
    """Return every process that was started as a member of this home, or of one folder of it.

    They are known by the environment that they were started with, so that one whose record was
    not written any more is found as well.
    """
    found = []
    for process in psutil.process_iter():
        try:
            named = process.environ().get("KD_MEMBER_DIR", "")
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
        except (psutil.Error, OSError):
            continue
        if named and (Path(named) == folder if folder else home.run in Path(named).parents):
            found.append(process)
    return found


def stop(processes: list[psutil.Process], seconds: float = STOP_S) -> None:
    """Ask processes to stop, then kill those that have not within ``seconds``."""
    for process in processes:
        _signal(process.terminate)
    _, left = psutil.wait_procs(processes, timeout=seconds)
    for process in left:
        _signal(process.kill)
    psutil.wait_procs(left, timeout=5)


def describe(code: int) -> str:
    """Say what a return code means."""
    return (
        f"It was ended by {signal_name(-code)}" if code < 0 else f"It ended with exit code {code}"
    )


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty, shortened."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def rotate(log: Path) -> None:
    """Begin a new log where the old one is long; one old one is kept."""
    if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
        log.replace(log.with_name("log.1"))


def free_port() -> int:
    """Return a port of the loopback address that nobody has."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Tell whether a port can be bound, connections of an earlier owner aside."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def _signal(send: Any) -> None:
    try:
        send()
    except psutil.Error:
        return
