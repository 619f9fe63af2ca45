"""What an argument of a magic can be: jobs, models, clusters, paths; asked in a moment or not."""

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

from kd_client.fan_out import ask_all
from kd_client.jobs.query import STATUSES
from kd_magics.cells.provenance import notebook_folder
from kd_magics.session import Session
from kd_pipeline.errors import KdError
from kd_pipeline.project_repository import ProjectRepository

T = TypeVar("T")
# Nobody waits for TAB: what is not there in this time is there at the next one.
WITHIN_S = 0.1
KEPT_S = 3.0
JOBS = 30
ASK_S = 2.0
MOST_PATHS = 200
TO_DEPLOYMENT = ("deploy", "undeploy", "predict", "deployments")


class Recent(Generic[T]):
    """A value that is asked for in the background, and kept a few seconds."""

    def __init__(self, ask: Callable[[], T], nothing: T) -> None:
        self._ask, self._value = ask, nothing
        self._asked = float("-inf")
        self._thread: threading.Thread | None = None

    def get(self) -> T:
        """Return the newest value that there is after a moment."""
        running = self._thread is not None and self._thread.is_alive()
        if not running and time.monotonic() - self._asked > KEPT_S:
            self._asked = time.monotonic()
            self._thread = threading.Thread(target=self._renew, name="kd-tab", daemon=True)
            self._thread.start()
        if self._thread:
            self._thread.join(WITHIN_S)
        return self._value

    def _renew(self) -> None:
        try:
            self._value = self._ask()
        except Exception:  # whatever is wrong: the magic itself tells it, TAB stays silent
            return


class Candidates:
    """What can stand where a magic's argument is expected."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._jobs: Recent[list[tuple[str, int]]] = Recent(self._ask_jobs, [])
        self._models: Recent[list[tuple[str, list[str]]]] = Recent(_ask_models, [])

    def of(self, command: str, action: argparse.Action, fragment: str) -> Iterator[str]:
        """Yield the values of one argument, those first that are likeliest."""
        kind = f"{action.metavar or ''} {action.dest}"
        if action.choices is not None:
            yield from map(str, action.choices)
        elif "JOB" in kind or action.dest == "job":
            yield from self._job_names()
        elif action.dest == "model":
            yield from self._model_names(str(action.metavar), fragment)
        elif action.dest == "cluster":
            yield from self._cluster_names(command)
        elif action.dest in ("path", "scoring"):
            yield from _paths(ProjectRepository.default().root, fragment)
        elif action.dest == "files":
            before, last = _of_list(fragment)
            yield from (before + path for path in _paths(notebook_folder(), last))
        elif action.dest == "inputs":
            before, _ = _of_list(fragment)
            yield from (before + name for name in self._variables())
        elif action.dest == "status":
            yield from STATUSES

    def _variables(self) -> Iterator[str]:
        """Yield the names of what the user has made, as far as it can be sent to a job."""
        for name, value in list(self._session.shell.user_ns.items()):
            known = name.startswith("_") or name in ("In", "Out", "exit", "quit", "open")
            if not known and not callable(value) and not isinstance(value, ModuleType):
                yield name

    def _job_names(self) -> Iterator[str]:
        jobs = self._jobs.get()
        if len({cluster for cluster, _ in jobs}) == 1:
            yield from (str(number) for _, number in jobs)
        yield from (f"{cluster}/{number}" for cluster, number in jobs)

    def _model_names(self, metavar: str, fragment: str) -> Iterator[str]:
        """Yield names, and the versions and aliases of a name where the argument has them."""
        with_version, model = "VERSION" in metavar, fragment.partition("/")[0]
        for name, versions in self._models.get():
            if not with_version or ("[" in metavar and "/" not in fragment):
                yield name
            if with_version and (name == model or "/" not in fragment):
                yield from (f"{name}/{version}" for version in versions)

    def _cluster_names(self, command: str) -> Iterator[str]:
        try:
            connections = self._session.connections()
        except KdError:
            return
        if command in TO_DEPLOYMENT:
            yield from (cluster.name for cluster in connections.deployment_clusters())
        elif command == "loadMlflow":
            yield from (cluster.name for cluster in connections.clusters)
        else:
            yield from (cluster.name for cluster in connections.training_clusters())

    def _ask_jobs(self) -> list[tuple[str, int]]:
        """Return cluster and number of the newest jobs of all training clusters."""
        names = [cluster.name for cluster in self._session.connections().training_clusters()]
        clients = {name: self._session.training(name) for name in names}
        answers = ask_all(
            {n: lambda c=client: c.page(ASK_S, limit=JOBS).jobs for n, client in clients.items()},  # type: ignore[misc]
            ASK_S,
        )
        found = [
            (job.submitted, name, job.id)
            for name, answer in answers.items()
            if not isinstance(answer, KdError)
            for job in answer
        ]
        return [(name, number) for _, name, number in sorted(found, reverse=True)]


def _of_list(fragment: str) -> tuple[str, str]:
    """Return what stands before the last word of a list such as ``a,b``, and that word."""
    before, comma, last = fragment.rpartition(",")
    return before + comma, last


def _ask_models() -> list[tuple[str, list[str]]]:
    """Return each model's name with its versions, the newest first, and its aliases."""
    from kd_pipeline.registry import open_registry

    registry = open_registry()
    found: dict[str, list[str]] = {}
    for model in registry.models():
        found.setdefault(model.name, []).insert(0, model.version)
    for name, aliases in registry.aliases().items():
        found.setdefault(name, []).extend(sorted(aliases.versions))
    return list(found.items())


def _paths(root: Path, fragment: str) -> Iterator[str]:
    """Yield the files and folders below ``root`` that go on from a fragment, one level deep."""
    start = fragment.rpartition("/")[0]
    if ".." in Path(start).parts or Path(start).is_absolute():
        return
    try:
        inside = sorted((root / start).iterdir())
    except OSError:
        return
    for path in inside[:MOST_PATHS]:
        if not path.name.startswith("."):
            name = f"{start}/{path.name}" if start else path.name
            yield f"{name}/" if path.is_dir() else name
