"""What a job would miss on this engine, told before it is sent: modules, files, room, packages."""

import functools
import importlib.machinery
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kd_engines.training import requirements
from kd_engines.training.queue.admission import Room, check_values, problems
from kd_pipeline.errors import InvalidInput, TooLarge, UnsafePath
from kd_pipeline.messages import MissingModule, Preflight, PreflightAnswer
from kd_pipeline.mount_points import MOUNT_POINTS, local_text
from kd_pipeline.project_repository import SCHEME, ProjectRepository

MOST = 1000  # modules or paths of one question
# Where the package has another name than the module; `-` and `_` are the same to pip.
PACKAGES = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "Levenshtein": "levenshtein",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "igraph": "igraph",
    "jwt": "pyjwt",
    "kafka": "kafka-python",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "osgeo": "gdal",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pythoncom": "pywin32",
    "rdkit": "rdkit",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "skopt": "scikit-optimize",
    "slugify": "python-slugify",
    "telegram": "python-telegram-bot",
    "umap": "umap-learn",
    "usb": "pyusb",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


def look(asked: Preflight, room: Room, root: Path) -> PreflightAnswer:
    """Return what a job on this engine would miss; raises TooLarge for an endless question."""
    for field, values in (("modules", asked.modules), ("paths", asked.paths)):
        if len(values) > MOST:
            raise TooLarge(
                f"{field} has {len(values):,} entries; ask for at most {MOST:,} at once."
            )
    told = _problems(asked, room)
    wanted: set[str] = set()
    if not told:
        wanted.update(canonicalize_name(Requirement(text).name) for text in asked.requirements)
    return PreflightAnswer(
        python=".".join(map(str, sys.version_info[:3])),
        missing_modules=missing_modules(asked.modules, root, wanted),
        missing_paths=missing_paths(asked.paths, ProjectRepository(root)),
        problems=told,
    )


def missing_modules(names: Iterable[str], root: Path, wanted: set[str]) -> list[MissingModule]:
    """Return the modules that a job would not find, in order; none of them is imported.

    ``wanted`` are packages, by canonical name, that are going to be installed for it.
    """
    path = [str(root), *_job_path()]
    importlib.machinery.PathFinder.invalidate_caches()
    found = []
    for name in dict.fromkeys(name.partition(".")[0] for name in names):
        package = PACKAGES.get(name)
        if not _is_found(name, path) and canonicalize_name(package or name) not in wanted:
            found.append(MissingModule(name, package))
    return found


def missing_paths(paths: Iterable[str], repository: ProjectRepository) -> list[str]:
    """Return the paths where nothing is, as a job that runs in the project repository sees them.

    What leads out of the repository is looked at only where it is absolute.
    """
    return [path for path in dict.fromkeys(paths) if not _may_exist(path, repository)]


def _may_exist(path: str, repository: ProjectRepository) -> bool:
    inside = path.startswith((SCHEME, *(f"{mount}/" for mount in MOUNT_POINTS)))
    try:
        if inside or not os.path.isabs(path):  # noqa: PTH117
            return repository.resolve(path).exists()
        return Path(local_text(path, repository.root)).exists()
    except (UnsafePath, OSError, ValueError):
        return not inside  # nothing is said about what is not looked at


def _problems(asked: Preflight, room: Room) -> list[str]:
    """Return a sentence for each thing that would be refused, or could not be installed."""
    try:
        check_values(asked.resources)
        told = problems(room, asked.resources)
    except InvalidInput as error:
        told = [str(error)]
    wrong = requirements.problem(asked.requirements)
    if wrong:
        return [*told, wrong]
    absent = requirements.missing(asked.requirements)
    if absent and not requirements.has_pip():
        told.append(
            f"The requirements {', '.join(absent)} are not there, and {requirements.NO_PIP}"
        )
    return told


@functools.cache
def _job_path() -> tuple[str, ...]:
    """Return where a job's Python looks, after the project repository; asked of one, once."""
    ask = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.path[1:]))"]
    done = subprocess.run(ask, capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout))


def _is_found(name: str, path: list[str]) -> bool:
    if not name.isidentifier():
        return False
    for finder in sys.meta_path:
        where = path if finder is importlib.machinery.PathFinder else None
        find: Any = getattr(finder, "find_spec", None)
        if find and find(name, where) is not None:
            return True
    return False
