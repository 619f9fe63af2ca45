"""Copy files of the project repository to the notebook."""

from argparse import Namespace
from typing import Any

from kd_magics import copying
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session
from kd_pipeline.project_repository import ProjectRepository

HELP = Help(
    usage=("PATH… [--to FOLDER] [--replace]",),
    text="""
    Files, and folders with all that is in them, of the project repository come to the notebook's
    folder. Each is there whole or not at all, and its sha256 is told; the same command goes on
    where it was interrupted.

    --to FOLDER   another folder, or the file's own new path
    --replace     overwrite what is there with other content
    """,
    examples=("data/result.csv", "repo://project_repo/models/taxi --to /tmp"),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("get")
    options.add_argument("paths", nargs="+", metavar="PATH")
    options.add_argument("--to", default=".", metavar="FOLDER")
    copying.add_replace(options)
    return options


def run(session: Session, options: Namespace) -> None:
    """Copy files, and say where they are."""
    copying.say(data(session, options))


def data(_session: Session, options: Namespace) -> list[dict[str, Any]]:
    """Copy files, and return what is there now."""
    repository = ProjectRepository.default()
    sources = [repository.existing(path) for path in options.paths]
    target = options.to, copying.local(options.to)
    return copying.copy_all("get", sources, target, options.replace)
