"""What a model version is made of, as one sha256: equal sums need no new worker."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from kd_pipeline.errors import LoadFailed, UnsafePath
from kd_pipeline.fingerprints import files_of, fingerprint
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.regular_files import open_regular

LARGEST_SCRIPT_BYTES = 4 * 1024 * 1024
MOST_KNOWN = 100_000
# What was registered: keys of the ConfigMap.
MODEL_SHA256, SCORING_SHA256 = "model-sha256", "scoring-sha256"
EXAMPLE_KEY = "example"  # a request's scoring_args as JSON
TIMEOUT_KEY = "timeout-s"
FORMAT_KEY = "format"  # of the model, where it is not found from its file
# The further keys that decide how a model runs. All others (description, lineage, metrics) do not.
DECIDING_KEYS = (EXAMPLE_KEY, FORMAT_KEY, TIMEOUT_KEY)
_known: dict[tuple[str, int, int, int, int], tuple[str, int]] = {}


class FilesChanged(LoadFailed):
    """A model's files are not those that were loaded."""


@dataclass(frozen=True)
class ModelFiles:
    """Where the files of a model version are, and its script as it was when they were found.

    A model of a known format may have no script.
    """

    model: ModelConfig
    script: Path | None
    path: Path
    source: bytes
    _sums: dict[str, str] = field(default_factory=dict)  # of the model: as it was loaded

    @classmethod
    def find(cls, model: ModelConfig, repository: ProjectRepository) -> "ModelFiles":
        """Find a model's files and read its script; raises KdError, OSError."""
        path = repository.existing(model.path)
        if not model.scoring_path.strip():
            return cls(model, None, path, b"")
        script = repository.existing(model.scoring_path)
        with os.fdopen(open_regular(script), "rb") as file:
            source = file.read(LARGEST_SCRIPT_BYTES + 1)
        if len(source) > LARGEST_SCRIPT_BYTES:
            raise LoadFailed(
                f"The scoring script {model.scoring_path!r} has more than "
                f"{LARGEST_SCRIPT_BYTES:,} bytes, which is the limit; keep data in a file."
            )
        return cls(model, script, path, source)

    def identity(self, repository: ProjectRepository) -> str:
        """Return the sha256 (hex) of what decides how the model runs, its script and its files.

        Description and lineage are no part of it: they may change while it runs. Files that have
        not changed since the last call are not read again. Raises LoadFailed where files are not
        those that were registered, UnsafePath for links that lead out of the repository, and
        OSError.
        """
        self._check_links(repository)
        scoring = hashlib.sha256(self.source).hexdigest()
        model = self._sums["model"] = fingerprint(self.path, _digest)[0]
        if self.script:
            self._check_registered(SCORING_SHA256, self.model.scoring_path, scoring)
        self._check_registered(MODEL_SHA256, self.model.path, model)
        total = hashlib.sha256()
        further = (self.model.extra.get(key, "") for key in DECIDING_KEYS)
        for value in (*self.model.key, self.model.path, self.model.scoring_path, *further):
            total.update(f"{value}\0".encode())
        files = f"{self.script}\0{scoring}\0{self.path}\0{model}"
        total.update(files.encode(errors="surrogateescape"))
        return total.hexdigest()

    def check_unchanged(self) -> None:
        """Raise FilesChanged where the model's files are not those of the last identity.

        Where their sum was registered LoadFailed says so; OSError where they are gone.
        """
        model, _ = fingerprint(self.path, _digest)
        self._check_registered(MODEL_SHA256, self.model.path, model)
        if model != self._sums["model"]:
            raise FilesChanged(f"{self.model.path!r} has changed since it was loaded.")

    def _check_registered(self, key: str, path: str, found: str) -> None:
        registered = self.model.extra.get(key)
        if registered and registered.lower() != found:
            raise LoadFailed(
                f"{path!r} is not what was registered: its sha256 begins with {found[:12]}, that "
                f"of the ConfigMap's {key} with {registered[:12]}. Put the registered file back, "
                "or register what is there now as a new version."
            )

    def _check_links(self, repository: ProjectRepository) -> None:
        if not self.path.is_dir():
            return  # a link in its own place was followed when it was found
        for name, file in files_of(self.path).items():
            if repository.root not in file.resolve().parents:
                raise UnsafePath(
                    f"{name!r} in {self.model.path!r} is a link that leads out of the project "
                    f"repository {repository.root}; put the file itself there."
                )


def _digest(file: Path) -> tuple[str, int]:
    with os.fdopen(open_regular(file), "rb") as content:
        status = os.fstat(content.fileno())
        key = (
            *(str(file), status.st_ino, status.st_size),
            *(status.st_mtime_ns, status.st_ctime_ns),
        )
        found = _known.get(key)
        if found is None:
            if len(_known) >= MOST_KNOWN:
                _known.clear()
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            _known[key] = found = digest, content.tell()
        return found
