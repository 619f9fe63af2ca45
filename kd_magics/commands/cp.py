"""Copy files into the project repository, or out of it."""

from argparse import Namespace
from typing import Any

from kd_client.errors import BadOptions
from kd_magics import copying
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session
from kd_pipeline.project_repository import SCHEME, ProjectRepository

HELP = Help(
    usage=("SOURCE… TARGET [--replace]",),
    text="""
    A path of the project repository begins with repo://project_repo/. Folders are copied with all
    that is in them. Each file is there whole or not at all, and its sha256 is told; the same
    command goes on where it was interrupted.

    --replace   overwrite what is there with other content
    """,
    examples=(
        "trips.csv repo://project_repo/data/",
        "repo://project_repo/models/taxi /tmp",
    ),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("cp")
    options.add_argument("paths", nargs="+", metavar="PATH")
    copying.add_replace(options)
    return options


def run(session: Session, options: Namespace) -> None:
    """Copy files, and say where they are."""
    copying.say(data(session, options))


def data(_session: Session, options: Namespace) -> list[dict[str, Any]]:
    """Copy files, and return what is there now."""
    *sources, target = options.paths
    if not sources:
        raise BadOptions("Name what is to be copied, and then where it is to be.")
    if not any(path.startswith(SCHEME) for path in options.paths):
        raise BadOptions(f"None of the paths is in the project repository ({SCHEME}project_repo/).")
    repository = ProjectRepository.default()
    found = [
        repository.existing(path) if path.startswith(SCHEME) else copying.local(path)
        for path in sources
    ]
    is_ours = target.startswith(SCHEME)
    place = repository.resolve(target) if is_ours else copying.local(target)
    if target.endswith("/") or len(sources) > 1:
        place.mkdir(parents=True, exist_ok=True)
    return copying.copy_all(found, place, options.replace)
