"""deploy/images/Dockerfile, read, and built without Docker and without root.

A stage is built into a folder that stands for its ``/``. Steps of Debian's, which want root, are
left out: deploy/README.md says how to see them.
"""

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "deploy" / "images"
OF_DEBIAN = ("apt-get ", "useradd ", "install --directory ", "haproxy ", "rm -rf /var/")
# Folders of an image that its steps write to; each is a folder below the stage's.
FOLDERS = re.compile(r"(?<![\w./-])/(?=(?:tmp|opt|src|wheels|etc|usr/local)\b)")
BUILT_WITHIN_S = 900


@dataclass
class Stage:
    """One ``FROM … AS name``: its instructions, each a word and what follows it."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, word: str) -> list[str]:
        """Return what follows an instruction, for each time that it stands here."""
        return [rest for instruction, rest in self.steps if instruction == word]


def stages(text: str) -> dict[str, Stage]:
    """Read a Dockerfile."""
    found: dict[str, Stage] = {}
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.split()
            found[name] = stage = Stage(name, base)
        else:
            stage.steps.append((word, " ".join(rest.split())))
    return found


def commands(run: str) -> list[str]:
    """Return the commands of a RUN; a loop is one."""
    return [run] if run.startswith("for ") else run.split(" && ")


def copied(rest: str) -> tuple[list[str], str, dict[str, str]]:
    """Return what a COPY copies, where to, and its options."""
    words = shlex.split(rest)
    options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    paths = [word for word in words if not word.startswith("--")]
    return paths[:-1], paths[-1], options


def context(folder: Path) -> Path:
    """Copy what Docker would send from a fresh clone: what git does not ignore."""
    ignored = (ROOT / ".dockerignore").read_text().split()
    names = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(names, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not is_ignored(name, ignored):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def is_ignored(name: str, patterns: list[str]) -> bool:
    """Tell whether .dockerignore leaves a file out, by itself or with a folder above it."""
    path = PurePosixPath(name)
    for one in (path, *path.parents):
        for pattern in patterns:
            anywhere = pattern.removeprefix("**/")
            if fnmatchcase(str(one), pattern) or (anywhere != pattern and one.name == anywhere):
                return True
    return False


class Build:
    """Stages built in folders below one, from a context and with a Python."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.python = folder, python
        self.context = context(folder / "context")
        self.stages = stages((IMAGES / "Dockerfile").read_text())

    def build(self, name: str) -> Path:
        """Run a stage's steps after those of the stages below it; return its ``/``."""
        root = self.folder / name
        for folder in ("tmp", "opt", "etc", "usr/local/bin"):
            (root / folder).mkdir(parents=True)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        for word, rest in self._steps(self.stages[name]):
            if word == "COPY":
                self._copy(root, rest)
            elif word == "ENV":
                for pair in shlex.split(rest):
                    key, _, value = pair.partition("=")
                    value = value.replace("$PATH", environment["PATH"])
                    environment[key] = FOLDERS.sub(f"{root}/", value, count=1)
            elif word == "RUN":
                self._run(root, rest, environment)
        return root

    def _steps(self, stage: Stage) -> list[tuple[str, str]]:
        below = self.stages.get(stage.base)
        return [*(self._steps(below) if below else []), *stage.steps]

    def _copy(self, root: Path, rest: str) -> None:
        sources, target, options = copied(rest)
        base = self.folder / options["from"] if "from" in options else self.context
        to = root / target.strip("/")
        for source in sources:
            path = base / source.strip("/")
            if path.is_dir():
                shutil.copytree(path, to, dirs_exist_ok=True)
                continue
            to.parent.mkdir(parents=True, exist_ok=True)
            made = Path(shutil.copy(path, to))
            made.chmod(int(options.get("chmod", "644"), 8))

    def _run(self, root: Path, run: str, environment: dict[str, str]) -> None:
        for command in commands(run):
            if command.startswith(OF_DEBIAN):
                continue
            line = FOLDERS.sub(f"{root}/", command)
            # The image's first Python is its own; the cache and lazy compiling only save time.
            line = line.replace("python -m venv", f"{shlex.quote(self.python)} -m venv")
            line = line.replace("--no-cache-dir", "--no-compile --quiet")
            done = subprocess.run(
                ["sh", "-ec", line],
                env=environment,
                cwd=root,
                capture_output=True,
                text=True,
                timeout=BUILT_WITHIN_S,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
