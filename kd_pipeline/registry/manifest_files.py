"""The files of a folder of manifests: each is parsed once, as long as its content stays.

Files are read each time, as a time and a size do not tell a quick change; parsing them is what
takes long.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kd_pipeline import manifest_text
from kd_pipeline.manifest_text import BadManifest
from kd_pipeline.plain_text import one_line

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Document:
    """One manifest: the file it came from, its place there, and what it says."""

    path: Path
    index: int
    manifest: dict[str, Any]

    @property
    def kind(self) -> str:
        """Return the manifest's kind, empty where it has none."""
        return str(self.manifest.get("kind") or "")

    @property
    def name(self) -> str:
        """Return the manifest's metadata.name, empty where it has none."""
        return str((self.manifest.get("metadata") or {}).get("name") or "")


@dataclass(frozen=True)
class _Parsed:
    """A file's newest content, its last readable documents, and why the newest are not them."""

    content: bytes | None = None
    manifests: list[Any] = field(default_factory=list)
    problem: str | None = None


class ManifestFiles:
    """The manifests of a folder; what they hold is shared, so it must not be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parsed: dict[Path, _Parsed] = {}

    def paths(self) -> list[Path]:
        """Return the files that may hold manifests, in order; none of a folder that is missing."""
        try:
            found = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return []
        return [p for p in found if p.suffix in SUFFIXES and not p.name.startswith(".")]

    def documents(self) -> tuple[list[Document], dict[str, str]]:
        """Return every readable manifest, and by file why something in it is left out.

        A file that was readable stands for what it last said: a moment without file handles, or
        an editor that is at work, is no reason to stop what runs.
        """
        found: list[Document] = []
        problems: dict[str, str] = {}
        paths = self.paths()
        for path in paths:
            manifests, problem = self._manifests(path)
            if problem:
                stays = "; what it said before stays in force" if manifests else ""
                problems[path.name] = f"{path.name} is not readable YAML: {problem}{stays}"
            for index, manifest in enumerate(manifests):
                if isinstance(manifest, dict):
                    found.append(Document(path, index, manifest))
                elif manifest is not None:
                    problems[path.name] = f"{path.name}: document {index + 1} is not a manifest."
        for gone in {*self._parsed} - {*paths}:
            self._parsed.pop(gone, None)
        return found, problems

    def _manifests(self, path: Path) -> tuple[list[Any], str | None]:
        """Return a file's documents, and in one line why the newest cannot be read, or None."""
        before = self._parsed.get(path, _Parsed())
        try:
            content = path.read_bytes()
        except OSError as error:
            return before.manifests, one_line(error, 300)
        if before.content == content:
            return before.manifests, before.problem
        if not content.strip() and before.manifests:
            # As it is between an editor's truncating and writing it; who means it deletes it.
            return before.manifests, "it is empty; delete the file to take off what it has"
        try:
            now = _Parsed(content, manifest_text.read_all(content))
        except BadManifest as error:
            now = _Parsed(content, before.manifests, str(error))
        self._parsed[path] = now
        return now.manifests, now.problem
