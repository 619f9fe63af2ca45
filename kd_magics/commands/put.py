"""Copy files of the notebook into the project repository, where jobs and models find them."""

from argparse import Namespace
from typing import Any

from kd_magics import copying
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session
from kd_pipeline.project_repository import ProjectRepository

HELP = Help(
    usage=("FILE… [--to FOLDER] [--replace]",),
    text="""
    Files, and folders with all that is in them, go into data/ of the project repository, or into
    another folder of it. Each is there whole or not at all, and its sha256 is told; the same
    command goes on where it was interrupted.

    --to FOLDER   another folder of the project repository, or the file's own new path
    --replace     overwrite what is there with other content
    """,
    examples=("trips.csv", "trips.csv zones.csv --to data/2020/"),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("put")
    options.add_argument("files", nargs="+", metavar="FILE")
    options.add_argument("--to", default="data/", metavar="FOLDER")
    copying.add_replace(options)
    return options


def run(session: Session, options: Namespace) -> None:
    """Copy files, and say where they are."""
    copying.say(data(session, options))


def data(_session: Session, options: Namespace) -> list[dict[str, Any]]:
    """Copy files, and return what is there now."""
    repository = ProjectRepository.default()
    target = options.to, repository.resolve(options.to)
    return copying.copy_all(
        *("put", [copying.local(file) for file in options.files], target, options.replace),
        lambda place: repository.resolve(str(place)),
    )
