"""What a job wrote into the project repository: a model under models/, a script under code/.

Nobody has to tell us: files that were written while the job ran are its own. What its log mentions
comes first, as another job may have run at the same time.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kd_client.errors import BadOptions
from kd_pipeline.errors import NotFound
from kd_pipeline.hints import Hint
from kd_pipeline.messages import Job
from kd_pipeline.project_repository import ProjectRepository

# File systems round times, and a file server's clock is not the engine's.
SLACK_S = 2.0
MOST_LISTED = 8
# models/taxi/2, models/taxi/v2, models/taxi/2026-11-25: a version stands for itself.
_VERSION = re.compile(r"v?\d+([-._]\d+)*", re.IGNORECASE)


@dataclass(frozen=True)
class Artifacts:
    """Paths in the project repository that a job wrote, those first that its log mentions."""

    job: Job
    models: list[str]
    scripts: list[str]
    mentioned: frozenset[str]

    def model(self, name: str) -> str:
        """Return the path of the model ``name``; raises NotFound or BadOptions.

        Several that are left are narrowed by the log, then by the model's name in their path.
        """
        if not self.models:
            raise NotFound(
                f"Job {self.job.id} on {self.job.cluster} wrote no file under models/ of the "
                "project repository; name what to register.",
                hint=_naming(name, "--path", "PATH"),
            )
        return _one(self._narrowed(self.models, name), name, "--path")

    def script(self, name: str) -> str | None:
        """Return the scoring script that the job wrote, or None; raises BadOptions."""
        if not self.scripts:
            return None
        return _one(self._narrowed(self.scripts, name), name, "--scoring")

    def likeliest(self, paths: list[str], name: str) -> list[str]:
        """Return ``paths`` (models or scripts), those first that a model ``name`` would be."""
        first = self._narrowed(paths, name)
        return [*first, *(path for path in paths if path not in first)]

    def _narrowed(self, paths: list[str], name: str) -> list[str]:
        """Keep what fits, as long as anything does: by folder, by the log, by the file's name."""
        for fitting in (
            [path for path in paths if name in Path(path).parts],
            [path for path in paths if path in self.mentioned],
            [path for path in paths if name in path],
        ):
            paths = [path for path in paths if path in fitting] or paths
        return paths


def artifacts_of(job: Job, log: str, repository: ProjectRepository) -> Artifacts:
    """Find what a job that has ended wrote; raises BadOptions for one that has not."""
    if not job.started or not job.ended:
        raise BadOptions(
            f"Job {job.id} on {job.cluster} is {job.status}: what it wrote is known when it has "
            "ended.",
            hint=Hint("logs", ("-f", f"{job.cluster}/{job.id}"), "waits for that"),
        )
    begin = datetime.fromisoformat(job.started).timestamp() - SLACK_S
    end = datetime.fromisoformat(job.ended).timestamp() + SLACK_S
    written = set(_written(repository.root / "models", begin, end))
    models = sorted({_whole(path, written, repository.root / "models") for path in written})
    scripts = [p for p in _written(repository.root / "code", begin, end) if p.suffix == ".py"]
    found = [_relative(models, repository), _relative(sorted(scripts), repository)]
    mentioned = frozenset(path for paths in found for path in paths if _mentions(log, path))
    models_first, scripts_first = (sorted(p, key=lambda x: x not in mentioned) for p in found)
    return Artifacts(job, models_first, scripts_first, mentioned)


def _written(folder: Path, begin: float, end: float) -> Iterator[Path]:
    for path in folder.rglob("*"):
        try:
            if path.is_file() and begin <= path.stat().st_mtime <= end:
                yield path
        except OSError:
            continue  # it went away while we looked


def _whole(path: Path, written: set[Path], root: Path) -> Path:
    """Return the folder that a file belongs to as one model, or the file itself.

    A folder is one model where the job wrote all of it, and it holds several things or lies at
    least two levels down (models/taxi/2); above a version nothing is one model.
    """
    while path.parent != root and not _VERSION.fullmatch(path.name):
        parent = path.parent
        inside = [inner for inner in parent.rglob("*") if inner.is_file()]
        several = len(list(parent.iterdir())) > 1
        if not set(inside) <= written or not (several or parent.parent != root):
            break
        path = parent
    return path


def _relative(paths: Sequence[Path], repository: ProjectRepository) -> list[str]:
    return [path.relative_to(repository.root).as_posix() for path in paths]


def _mentions(log: str, path: str) -> bool:
    """Tell whether a log names a path as a whole: models/taxi/1 is not in models/taxi/10."""
    return bool(re.search(re.escape(path) + r"(?![\w-])(?!\.\w)", log))


def _naming(name: str, option: str, value: str) -> Hint:
    return Hint("register", (name, option, value), "names it")


def _one(paths: Sequence[str], name: str, option: str) -> str:
    if len(paths) == 1:
        return paths[0]
    listed = ", ".join(paths[:MOST_LISTED]) + (", …" if len(paths) > MOST_LISTED else "")
    raise BadOptions(f"It could be {listed}: name one.", hint=_naming(name, option, paths[0]))
