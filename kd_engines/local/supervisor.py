"""Keeps what runs in line with the manifests: starts, adopts, restarts, reconnects, stops."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

from kd_engines.deployment.worker_group import WorkerGroup
from kd_engines.local.commands import command, configmeta_text, environment
from kd_engines.local.home import Home
from kd_engines.local.job_runners import sentence_of_cancelled, stop_jobs
from kd_engines.local.member import Member, stop, strays
from kd_engines.local.teller import Teller
from kd_engines.local.world import World, read_world
from kd_pipeline.atomic import write_atomic
from kd_pipeline.http_get import http_get

TICK_S = 0.1
FIRST_RETRY_S, LONGEST_RETRY_S = 0.2, 30.0
HEALTHY_AFTER_S = 10.0  # then an end is no part of a series any more
RETRY_S = 1.0  # what a full disk or a lack of file handles prevented is tried again this often


class Supervisor:
    """Runs the members of a home's kdclusters until :attr:`stopping` is set.

    What cannot be read or written at the moment is told once, and tried again until it can be;
    everything that runs goes on meanwhile.
    """

    def __init__(self, home: Home, lab_root: Path | None = None) -> None:
        self.home = home
        self.stopping = threading.Event()
        self._lab_root = lab_root
        self._tell = Teller()
        self._registry = home.registry()
        self._changed = threading.Event()
        self._world = World()
        self._members: dict[str, Member] = {}
        self._series: dict[str, int] = {}
        self._troubles: dict[str, str] = {}
        self._look_again = 0.0
        self._written: dict[str, tuple[int, ...]] = {}  # by member, its configmeta.json as written

    def run(self) -> None:
        """Supervise until told to stop, then stop every member and job."""
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            while not self.stopping.is_set():
                self._step()
                self.stopping.wait(TICK_S)
        finally:
            stop_everything(self.home, self._tell)

    def _step(self) -> None:
        self._tell.flush()
        again = bool(self._troubles) and time.monotonic() >= self._look_again
        if again:
            self._look_again = time.monotonic() + RETRY_S
        if again or self._changed.is_set():
            self._changed.clear()
            with self._bearing("reading the manifests"):
                self._reconcile()
        elif not self._troubles and self._is_spoilt():
            self._connect()
        for member in list(self._members.values()):
            if again and f"writing {member.record_path}" in self._troubles:
                self._save(member)
            with self._bearing(f"seeing to {member.name}"):
                self._supervise(member)

    @contextmanager
    def _bearing(self, what: str) -> Iterator[None]:
        """Tell an OSError once, and later that it is over, instead of ending for it."""
        try:
            yield
        except OSError as error:
            why = f"{error.strerror or error}"
            if self._troubles.get(what) != why:
                self._tell(f"Trouble {what}: {why}. It is tried again; what runs goes on.")
            if not self._troubles:
                self._look_again = time.monotonic() + RETRY_S
            self._troubles[what] = why
        else:
            if self._troubles.pop(what, None):
                self._tell(f"No more trouble {what}.")

    def _watch(self) -> None:
        while not self.stopping.is_set():
            try:
                for _ in self._registry.changes(self.stopping):
                    self._changed.set()
            except OSError:
                self._changed.set()  # whose reading tells what the trouble is
                self.stopping.wait(RETRY_S)

    def _reconcile(self) -> None:
        """Bring members and connections in line with the manifests."""
        if not self.home.manifests.is_dir():  # gone or not mounted: no reason to stop what runs
            raise FileNotFoundError(f"the folder {self.home.manifests} is missing")
        world = read_world(self.home, self._registry)
        for note in world.notes:
            if note not in self._world.notes:
                self._tell(note)
        wanted = {member.name: member for member in world.members()}
        for name in sorted(self._members.keys() - wanted.keys()):
            self._remove(self._members.pop(name))
        for name, member in wanted.items():
            known = self._members.setdefault(name, member)
            known.node_id = member.node_id
            if not known.token:
                known.give_address()
                self._save(known)
        # The members that we know hold the processes: the new view is to be of them.
        for running in world.running.values():
            for role, members in running.members.items():
                running.members[role] = [self._members[m.name] for m in members]
        self._world = world
        self._connect()

    def _connect(self) -> None:
        """Write each configmeta.json whose content has changed (KubeDirector's reconnect)."""
        for member in self._members.values():
            content = configmeta_text(self._world.configmeta(member)).encode()
            with self._bearing(f"writing {member.configmeta}"):
                if _content(member.configmeta) != content:
                    write_atomic(member.configmeta, content)
                # Who writes right after us is not taken for us: the content is that of the stamp.
                stamp = _stamp(member.configmeta)
                is_ours = _content(member.configmeta) == content
                self._written[member.name] = stamp if is_ours else ()

    def _is_spoilt(self) -> bool:
        """Tell whether somebody else has written, or deleted, a member's configmeta.json."""
        return any(
            not self._written.get(name) or _stamp(member.configmeta) != self._written[name]
            for name, member in self._members.items()
        )

    def _save(self, member: Member) -> None:
        with self._bearing(f"writing {member.record_path}"):
            member.save()

    def _remove(self, member: Member) -> None:
        stop([p for p in strays(self.home, member.folder) if _is_top(p, member.folder)])
        for what in (member.record_path, member.configmeta):
            self._troubles.pop(f"writing {what}", None)
        self._troubles.pop(f"seeing to {member.name}", None)
        self._tell(f"{member.name} was removed.")

    def _supervise(self, member: Member) -> None:
        """Start the member where it should run and does not, after a pause that grows."""
        if member.alive():
            return
        running = self._world.running[member.cluster]
        line = command_of(member, self._world, self._lab_root)
        if line is None:  # a notebook without a JupyterLab, where there may have been one before
            if member.pid is not None:
                member.pid = None
                self._save(member)
            return
        if member.pid is not None and member.retry_at is None:
            self._note_end(member)
        if member.retry_at is not None and time.time() < member.retry_at:
            return
        for stray in strays(self.home, member.folder):
            stop([stray], 5)
        if member.new_address_if_taken():
            self._save(member)
            self._connect()
            line = command_of(member, self._world, self._lab_root) or line
        try:
            member.start(line, environment(member, running, self.home))
        except OSError as error:
            member.reason, member.retry_at = f"It cannot start: {error}", time.time() + 5
        self._save(member)

    def _note_end(self, member: Member) -> None:
        lived = time.time() - member.create_time
        series = 0 if lived > HEALTHY_AFTER_S else self._series.get(member.name, 0)
        self._series[member.name] = series + 1
        pause = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2**series)
        member.reason = member.died()
        member.restarts += 1
        member.retry_at = time.time() + pause
        self._save(member)
        self._tell(f"{member.name}: {member.reason} It starts again in {pause:g} s.")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def command_of(member: Member, world: World, lab_root: Path | None) -> list[str] | None:
    """Return a member's command line, or None where nothing runs for it."""
    return command(member, world.running[member.cluster], lab_root)


def stop_everything(home: Home, tell: Callable[[str], None]) -> None:
    """Stop the engines, then the jobs that they ran; nothing of this home is left running."""
    tops = [p for p in strays(home) if _is_top(p, None)]
    if tops:
        tell(f"Stopping {len(tops)} processes …")
    stop(tops)
    stop(strays(home), 5)
    for configmeta in home.run.glob("*/*/configmeta.json"):
        WorkerGroup(configmeta).end_former()
    cancelled = stop_jobs(home)
    if cancelled:
        tell(sentence_of_cancelled(cancelled))


def unready(member: Member, path: str = "/health/ready") -> str | None:
    """Ask a member whether it takes requests; return why it does not, "" where it does not say."""
    try:
        answer = http_get(f"{member.url}{path}")
        if answer.status_code == 200:
            return None
        return str(answer.json()["error"]["message"])
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return ""


def _is_top(process: psutil.Process, folder: Path | None) -> bool:
    """Tell whether a process leads its member: its children end with it."""
    try:
        parent = process.parent()
        return parent is None or not parent.environ().get("KD_MEMBER_DIR")
    except (psutil.Error, OSError):
        return True
