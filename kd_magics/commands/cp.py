"""Copy files into the project repository, or out of it."""

from argparse import Namespace
from typing import Any

from kd_client.errors import BadOptions
from kd_magics import copying
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session
from kd_pipeline.mount_points import REPOSITORIES
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
    ours = [path for path in options.paths if path.startswith(SCHEME)]
    if not ours:
        raise BadOptions(f"None of the paths is in the project repository ({SCHEME}project_repo/).")
    for path in ours:
        if path.removeprefix(SCHEME).partition("/")[0] not in REPOSITORIES:
            raise BadOptions(f"{path} is in no project repository; write {SCHEME}project_repo/….")
    repository = ProjectRepository.default()
    found = [
        repository.existing(path) if path.startswith(SCHEME) else copying.local(path)
        for path in sources
    ]
    if not target.startswith(SCHEME):
        return copying.copy_all("cp", found, (target, copying.local(target)), options.replace)
    return copying.copy_all(
        *("cp", found, (target, repository.resolve(target)), options.replace),
        lambda place: repository.resolve(str(place)),
    )
