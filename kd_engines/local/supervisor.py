"""Keeps what runs in line with the manifests: starts, adopts, restarts, reconnects, stops."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import requests

from kd_engines.local.commands import command, configmeta_text, environment
from kd_engines.local.home import Home
from kd_engines.local.job_runners import sentence_of_cancelled, stop_jobs
from kd_engines.local.member import Member, stop, strays
from kd_engines.local.world import World, read_world
from kd_pipeline.atomic import write_atomic

TICK_S = 0.1
FIRST_RETRY_S, LONGEST_RETRY_S = 0.2, 30.0
HEALTHY_AFTER_S = 60.0  # then an end is no part of a series any more


class Supervisor:
    """Runs the members of a home's kdclusters until :attr:`stopping` is set."""

    def __init__(
        self, home: Home, lab_root: Path | None = None, tell: Callable[[str], None] = print
    ) -> None:
        self.home = home
        self.stopping = threading.Event()
        self._lab_root = lab_root
        self._tell = tell
        self._registry = home.registry()
        self._changed = threading.Event()
        self._world = World()
        self._members: dict[str, Member] = {}
        self._series: dict[str, int] = {}

    def run(self) -> None:
        """Supervise until told to stop, then stop every member and job."""
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            while not self.stopping.is_set():
                if self._changed.is_set():
                    self._changed.clear()
                    self._reconcile()
                for member in list(self._members.values()):
                    self._supervise(member)
                self.stopping.wait(TICK_S)
        finally:
            stop_everything(self.home, self._tell)

    def _watch(self) -> None:
        while not self.stopping.is_set():
            try:
                for _ in self._registry.changes(self.stopping):
                    self._changed.set()
            except OSError as error:
                self._tell(f"The manifests cannot be read: {error}")
                self.stopping.wait(1)

    def _reconcile(self) -> None:
        """Bring members and connections in line with the manifests."""
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
        # The members that we know hold the processes: the new view is to be of them.
        for running in world.running.values():
            for role, members in running.members.items():
                running.members[role] = [self._members[m.name] for m in members]
        self._world = world
        self._connect()

    def _connect(self) -> None:
        """Write each configmeta.json whose content has changed (KubeDirector's reconnect)."""
        for member in self._members.values():
            content = configmeta_text(self._world.configmeta(member))
            if not member.configmeta.exists() or member.configmeta.read_text() != content:
                write_atomic(member.configmeta, content)

    def _remove(self, member: Member) -> None:
        stop([p for p in strays(self.home, member.folder) if _is_top(p, member.folder)])
        self._tell(f"{member.name} was removed.")

    def _supervise(self, member: Member) -> None:
        """Start the member where it should run and does not, after a pause that grows."""
        running = self._world.running[member.cluster]
        line = command_of(member, self._world, self._lab_root)
        if line is None or member.alive():
            return
        if member.pid is not None and member.retry_at is None:
            self._note_end(member)
        if member.retry_at is not None and time.time() < member.retry_at:
            return
        for stray in strays(self.home, member.folder):
            stop([stray], 5)
        if member.new_address_if_taken():
            self._connect()
            line = command_of(member, self._world, self._lab_root) or line
        try:
            member.start(line, environment(member, running, self.home))
        except OSError as error:
            member.reason, member.retry_at = f"It cannot start: {error}", time.time() + 5
            member.save()

    def _note_end(self, member: Member) -> None:
        lived = time.time() - member.create_time
        series = 0 if lived > HEALTHY_AFTER_S else self._series.get(member.name, 0)
        self._series[member.name] = series + 1
        pause = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2**series)
        member.reason = member.died()
        member.restarts += 1
        member.retry_at = time.time() + pause
        member.save()
        self._tell(f"{member.name}: {member.reason} It starts again in {pause:g} s.")


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
    cancelled = stop_jobs(home)
    if cancelled:
        tell(sentence_of_cancelled(cancelled))


def is_ready(member: Member, path: str = "/health/ready") -> bool:
    """Ask a member whether it takes requests."""
    try:
        answer = requests.get(f"{member.url}{path}", timeout=2)
    except requests.RequestException:
        return False
    return answer.status_code == 200


def _is_top(process: psutil.Process, folder: Path | None) -> bool:
    """Tell whether a process leads its member: its children end with it."""
    try:
        parent = process.parent()
        return parent is None or not parent.environ().get("KD_MEMBER_DIR")
    except (psutil.Error, OSError):
        return True
